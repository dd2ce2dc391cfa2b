"""The client's version, in one place: the package metadata and the User-Agent read it here."""

__version__ = "0.1.0"
USER_AGENT = "secureconnect-python/0.1"
