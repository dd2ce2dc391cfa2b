"""Faults between the functions and what they stand on, seen from the clients (R48).

`fault_proxy` stands between functions and AWS, `faults` names what can go wrong, `journeys` what people do meanwhile
and what has to hold afterwards, `cells` combines them, and `python -m tests.chaos` runs them on the test instance.
"""

import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [path for each in ("layers/shared", "functions") if (path := str(_ROOT / each)) not in sys.path]
