"""AI help without a network: rules over texts, and a small model for meaning where its layer is present.

Everything here is a pure function of texts: no store, no clock, no account. What rules cannot do is not here.
"""
