"""Messages: sending, changing, reading, threads, reactions, pins, drafts, receipts, unread counts, expiry, slow mode.

It owns what a message is and how it looks. What other domains put into one (a poll) it never looks into: `contents`.
"""
