"""Faults between the functions and what they stand on, seen from the clients (R48).

`fault_proxy` stands between functions and AWS, `faults` names what can go wrong, `journeys` what people do meanwhile
and what has to hold afterwards, `cells` combines them, and `python -m tests.chaos` runs them on the test instance.
"""
