"""Devices, their key packages and the log of their keys; order and delivery of what encrypted groups exchange (MLS).

Never holds a private key and never reads a message: of what clients encrypt only the framing is looked at.
"""
