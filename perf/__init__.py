"""Measurements of SecureConnect: counted operations, cold starts, the running local cloud, and money."""
