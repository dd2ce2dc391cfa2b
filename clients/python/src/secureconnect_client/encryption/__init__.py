"""End-to-end encryption: devices, groups and checks of the server. Needs the extra `encryption`."""
