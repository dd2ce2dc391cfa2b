"""What people have read: receipts and unread counts."""
