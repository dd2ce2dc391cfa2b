"""Sharing: shares with people and conversations, public links, attachments of messages."""
