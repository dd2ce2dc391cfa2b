"""Owns people's profiles, the directory in which they are found, their blocks and contacts.

Sign-in belongs to `accounts`, messages to `messages`.
"""

import kernel  # before any package (kernel.coldstart)

kernel.coldstart.at_first_use("users.api")
