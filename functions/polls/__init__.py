"""Polls: questions in a conversation, votes, tallies, closing.

It owns what each poll asks and who voted for what, and shows each reader what they may know. Nobody else reads a vote.
"""
