"""Corrects differences between MiniStack and AWS; each module is applied when the local cloud starts."""
