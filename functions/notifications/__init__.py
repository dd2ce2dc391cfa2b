"""Notifications: people's devices and wishes, who is told of what, the in-app list, push.

Never decides what happened: other domains tell it (the log's stream, `realtime.notify`). Never sends content to a
push service unless the person chose previews, and never of an encrypted conversation.
"""
