"""Lines of a chat for tests."""

from __future__ import annotations

from typing import Any

from assistant.model import Line


def chat(*rows: str, **of_all: Any) -> list[Line]:
    """Lines from rows such as `ada: hello`, numbered from 1."""
    lines = []
    for seq, row in enumerate(rows, 1):
        sender, _, text = row.partition(": ")
        lines.append(Line(f"msg_{seq}", "cnv_1", seq, sender, text, **of_all))
    return lines
