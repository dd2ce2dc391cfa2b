"""The event log of a conversation: one dense sequence, appended in one transaction with all that belongs to it.

It owns the events, the head and the de-duplication of sends, and the registry of event types. It knows no domain: what
events mean, who may append them and how they look is registered by the domains above.
"""
