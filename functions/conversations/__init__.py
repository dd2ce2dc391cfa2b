"""Conversations: their info, members, roles, preferences, bans; one's list of them, and catching up.

It owns who may do what where, and renders events as their types are registered. It never reads a message, a poll or a
call: what it shows of messages comes through `ports`.
"""
