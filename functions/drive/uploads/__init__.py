"""Uploads: quota is reserved, bytes go straight to the bucket, the intake inspects them."""
