"""The kernel: code that all functions share, without any product noun. It imports nothing from `functions/`."""

from kernel import coldstart, snapshot

coldstart.begin()
snapshot.begin()
