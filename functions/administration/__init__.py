"""Administration (contract §11): people, bans, roles, escalated reports, statistics and the audit log for admins.

It owns no data: it calls the domains that do, and counts rows of their tables. It never changes the content of
conversations, and shows none but reported messages. For everybody but platform admins its routes do not exist.
"""

import kernel  # before any package (kernel.coldstart)
