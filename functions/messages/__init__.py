"""Owns messages: sending, changing, reading, threads, reactions, pins, drafts, receipts, unread counts, slow mode.

The contents that other domains put into messages (polls) are registered in `contents`, and never read here.
"""

import kernel  # before any package (kernel.coldstart)
