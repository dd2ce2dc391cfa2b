"""Erasing messages: those that expire, those of erased people, and all of a deleted conversation."""
