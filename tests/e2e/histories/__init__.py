"""Seeded histories: people, devices and faults on the deployed local stack, checked afterwards (R1, R7).

`plan` turns a seed into a plan, `history` carries it out and collects `evidence`, `checker` judges the evidence.
"""
