"""End-to-end encryption: devices, groups, and checks of the server's honesty.

Needs the extra `encryption`.
"""
