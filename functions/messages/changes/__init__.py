"""What happens to a message after it was sent: edits, reactions, pins, replies in threads, earlier versions."""
