"""Owns the event log of a conversation: its events, its head, the deduplication of sends, the registry of event types.

An event is appended in one transaction with everything that belongs to it, and seq is dense. The log knows no domain:
the domains above register what events mean, who may append them and how they are rendered.
"""

import kernel  # before any package (kernel.coldstart)
