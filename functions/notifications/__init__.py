"""Notifications: push devices, preferences, the decision who is notified of what, the in-app list, push delivery.

It learns what happened from the log's stream and `realtime.notify`. It never sends content to a push service unless the
recipient chose previews, and never of an encrypted conversation.
"""

import kernel  # before any package (kernel.coldstart)
