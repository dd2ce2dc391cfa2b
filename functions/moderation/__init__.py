"""Owns reports of messages to a group's admins, and what they decide.

It never deletes a message by itself, nor shows a report to whom it is about.
"""
