"""The kernel: what every function needs and no product noun. It imports nothing of `functions/`."""

from kernel import coldstart, snapshot

coldstart.begin()
snapshot.begin()
