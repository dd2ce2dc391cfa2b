"""Sessions: their tokens, their standing, their end, and devices that sign in for the first time."""
