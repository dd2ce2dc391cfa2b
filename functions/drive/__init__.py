"""Drive: files and folders, their bytes and versions, shares and public links, the trash and the quota.

It never decides who is in a conversation or what a message says: messages pass it their attachments.
"""

import kernel  # before any package (kernel.coldstart)
