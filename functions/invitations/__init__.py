"""Owns links into a group and requests to join.

It never makes anybody a member: `conversations` does, with what an invitation allows.
"""
