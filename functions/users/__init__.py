"""Owns people: their profiles, the directory by which they are found, blocks and contacts.

It never knows how somebody signs in, nor what they write.
"""
