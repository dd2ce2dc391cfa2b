"""Owns the index of messages, and pages of results from whatever can be searched.

It never decides what a caller may see: what is found is read from where it lives before it is shown.
"""
