"""Owns messages: sending, changing, reading, threads, reactions, pins, drafts, receipts, unread counts, slow mode.

The contents that other domains put into messages (polls) are registered in `contents`, and never read here.
"""

import kernel  # before any package (kernel.coldstart)

kernel.coldstart.at_first_use(
    "messages.unsent.drafts",
    "messages.forwarding",
    "messages.changes.history_store",
    "messages.changes.pins",
    "messages.changes.pins_store",
    "messages.changes.thread_store",
)
