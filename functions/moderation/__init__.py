"""Moderation: reports of messages to a group's admins, and the admins' decisions on them.

It never deletes a message by itself, and never shows a report to the author of the reported message.
"""

import kernel  # before any package (kernel.coldstart)
