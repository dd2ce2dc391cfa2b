"""Keys: MLS devices, their key packages, the key transparency log, and the delivery service of encrypted groups.

It never holds a private key and never decrypts: of encrypted messages it reads the framing only.
"""

import kernel  # before any package (kernel.coldstart)
