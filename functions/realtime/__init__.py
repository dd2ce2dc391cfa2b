"""Sockets: connections, tickets, delivery, fan-out.

It owns who is connected, what a queue's job is, and how frames reach sockets. It knows frames and jobs and no domain:
what they tell is registered by the domains above.
"""
