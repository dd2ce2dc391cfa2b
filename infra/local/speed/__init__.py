"""Leaves out work that MiniStack repeats, without a difference that a caller could see."""
