"""The client's version, for the package metadata and the User-Agent."""

__version__ = "0.1.0"
USER_AGENT = "secureconnect-python/0.1"
