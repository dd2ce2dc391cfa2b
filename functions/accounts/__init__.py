"""Accounts: credentials, sign-in, second factors, sessions and their tokens, one-time tokens, e-mails about them.

It stores only hashes of passwords and tokens, and never shows people to each other.
"""

import kernel  # before any package (kernel.coldstart)
