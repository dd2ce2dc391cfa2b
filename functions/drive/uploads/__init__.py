"""How bytes come in: room is reserved, bytes go straight to the bucket, the intake looks at them."""
