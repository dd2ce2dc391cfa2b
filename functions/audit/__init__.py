"""Audit: an append-only, hash-chained log of what was done or refused where security is concerned.

It owns the chain, its hashes and its proof, and never holds content, names, addresses of people or secrets.
Entries are never changed; they end after the days that the deployment keeps them.
"""
