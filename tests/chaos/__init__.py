"""Faults between the functions and their dependencies, observed from the clients (R48).

`fault_proxy` is between functions and AWS, `faults` defines the faults, `journeys` the actions of people during a fault
and the conditions that must hold afterwards, `cells` combines both, `python -m tests.chaos` runs them on the test
instance.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [path for each in ("layers/shared", "functions") if (path := str(_ROOT / each)) not in sys.path]
