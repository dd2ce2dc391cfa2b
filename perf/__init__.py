"""Measurements of SecureConnect: counted operations, cold starts, load on the running local cloud, and costs."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [path for each in ("layers/shared", "functions") if (path := str(_ROOT / each)) not in sys.path]
# a development environment has a faster signer, which the functions' layer lacks
os.environ.setdefault("BOTO_DISABLE_CRT", "true")
