"""Owns polls in conversations: questions, votes, tallies, closing.

It renders a poll for each reader, with the part of the tally they may see. No other domain reads a vote.
"""

import kernel  # before any package (kernel.coldstart)
