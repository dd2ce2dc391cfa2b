"""Operations: whether the platform works, its documents, and the follow-up work that was not done at once.

It owns no data. It never decides what that work is: each kind of it is its domain's.
"""
