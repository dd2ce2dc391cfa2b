"""Calls: their participants, ringing, signalling, quality reports and history.

It never sees media, which goes from device to device or through the SFU.
"""

import kernel  # before any package (kernel.coldstart)

kernel.coldstart.at_first_use("calls.api", "calls.history", "calls.quality", "calls.signal_store")
