"""Owns conversations: their info, members, roles, preferences and bans, a person's list of them, and catching up.

It decides who may do what in a conversation. It never reads messages, polls or calls: previews of messages come through
`ports`.
"""

import kernel  # before any package (kernel.coldstart)

kernel.coldstart.at_first_use("conversations.listings")
