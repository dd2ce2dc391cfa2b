"""Seeded histories: people, devices and faults against the deployed local stack, checked after the fact (R1, R7).

`plan` turns a seed into what shall happen, `history` lets it happen and collects `evidence`, `checker` judges that.
"""
