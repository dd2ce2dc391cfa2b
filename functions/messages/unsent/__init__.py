"""What is written and not sent yet: drafts and scheduled messages."""
