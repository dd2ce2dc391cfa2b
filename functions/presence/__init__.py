"""Owns who is there, what people have set of it, and which sockets watch whom.

It never decides who may see what: blocks and settings, which `users` keeps, do.
"""
