"""Calls: their participants, ringing, signalling, quality reports and history.

It never sees media, which goes from device to device or through the SFU.
"""

import kernel  # before any package (kernel.coldstart)
