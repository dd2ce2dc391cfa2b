"""Owns invitations to a group by link, and requests to join.

Memberships themselves are written by `conversations`.
"""

import kernel  # before any package (kernel.coldstart)
