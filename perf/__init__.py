"""Measurements of SecureConnect: counted operations, cold starts, the running local cloud, and money."""

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [path for each in ("layers/shared", "functions") if (path := str(_ROOT / each)) not in sys.path]
# a developer's tools bring a faster signer that the functions' layer does not have
os.environ.setdefault("BOTO_DISABLE_CRT", "true")
