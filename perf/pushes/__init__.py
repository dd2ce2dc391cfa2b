"""Pushes: their delay, and ten thousand of them, to a push service on this machine."""
