"""Privacy: a person's rights over what is held on them: a copy of it, and its erasure.

It owns the requests and their workflows, and reads and removes what other domains keep. It never decides who may see
what.
"""
