"""The CPU time to check the text of a message, for the most expensive scripts: one message of 10,000 characters."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

from messages.schemas import MessageFields
from perf import budgets
from perf.budgets import Budget, Verdict
from perf.effort import Effort
from perf.report import Table

CHARS = 10_000
BUDGET_MS = 0.3
SAMPLES: Mapping[str, str] = {
    "English": "The boat leaves at nine, so let us meet at the pier. ",
    "Chinese": "船九点开，我们在码头见面吧。今天的天气很好，记得带上雨伞和相机。",
    "Arabic": "تغادر السفينة في الساعة التاسعة، فلنلتقِ عند الرصيف. ",
    "emoji": "👩🏽‍🚀🏳️‍🌈❤️👍🏿🇩🇪",
    "many marks": "Z̷̡̢̛̖͖̞a̸̛͙̝͋̀l̴͚̾g̵̨̛o̶̻͝ ",
    "all of Unicode": "".join(chr(0x4E00 + n) for n in range(6_000)) + "".join(chr(0xAC00 + n) for n in range(4_000)),
    "marks alone, and one letter": "\u0301" * (CHARS - 1) + "a",
}


def measure(repeats: int) -> dict[str, float]:
    """The median CPU ms to check a message's fields, by sample, after warming up."""
    return {name: _checked_ms((text * (CHARS // len(text) + 1))[:CHARS], repeats) for name, text in SAMPLES.items()}


def _checked_ms(text: str, repeats: int) -> float:
    fields = {"client_id": "c", "text": text}
    taken = []
    for _ in range(repeats + 10):
        began = time.process_time()
        MessageFields.model_validate(fields)
        taken.append(time.process_time() - began)
    return statistics.median(taken[10:]) * 1000


def part(effort: Effort, _tell: Callable[[str], None]) -> tuple[list[Table], Any]:
    """The tables to print, and the figures to write."""
    verdicts = judged(measure(effort.of(50, 500, 500)))
    return [budgets.table("Checking a message of 10,000 characters", verdicts, of="text", value="ms")], budgets.as_json(
        verdicts
    )


def judged(measured: Mapping[str, float]) -> list[Verdict]:
    return [Budget(name, "ms", at_most=BUDGET_MS).judge(value) for name, value in measured.items()]
