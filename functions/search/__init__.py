"""Owns the search index of messages, and pages of search results from messages and files.

The index only proposes: every result is read from its own domain and authorised there before it is returned.
"""

import kernel  # before any package (kernel.coldstart)
