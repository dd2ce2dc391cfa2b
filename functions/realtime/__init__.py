"""Owns sockets: connections, tickets, queue jobs, delivery and fan-out.

It knows frames and jobs, but no domain: the domains above register the kinds of jobs and the audience of conversations.
"""

import kernel  # before any package (kernel.coldstart)
