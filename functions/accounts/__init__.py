"""Owns how people sign in: credentials, sessions and their tokens, one-time tokens, letters to an address.

It never keeps a password or a token, only what proves them, and never shows anybody to others.
"""
