"""Owns presence: who is online, the status people choose, and which sockets watch whom.

Who may see a person's presence follows from blocks and settings, which belong to `users`.
"""

import kernel  # before any package (kernel.coldstart)
