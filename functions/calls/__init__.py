"""Owns calls: who rings, who is in one, their signals, when it is over, and who had which.

It never sees what is said: media goes from device to device, or through the SFU.
"""
