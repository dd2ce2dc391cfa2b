"""AI help without a network: rules over texts, and a small embedding model where its layer is deployed.

Everything here is a pure function of texts: no store, no clock, no account.
"""
