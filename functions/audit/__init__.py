"""Audit: an append-only, hash-chained log of security-relevant acts and refusals.

It owns the chain, its hashes and its proof, and never holds content, names, e-mail addresses or secrets.
Entries are never changed; they expire after the deployment's retention period.
"""

import kernel  # before any package (kernel.coldstart)
