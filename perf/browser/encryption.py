"""End-to-end encryption in a browser: joining a large group, adding many members in one commit, reading a busy group.

The Python client's library makes the groups, so the figures also test interoperability. The server's cost is among the
counts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

from perf import budgets
from perf.browser.mls_page import PageDevice, engines, group_of, page_device
from perf.budgets import Budget, Verdict
from perf.effort import Effort
from perf.report import Table, spread
from secureconnect_client.encryption.content import Content, packed

SIZES = (2, 50, 1_000)
ADDED = 100
MESSAGES = 200
BUDGETS = (
    Budget("joining a group of 1,000", "s", at_most=3),
    Budget("adding 100 members by one commit", "s", at_most=3),
    Budget("reading in a group of 50", "messages/s", at_least=50),
    Budget("a message of 100 characters", "bytes in base 64", at_most=450),
)


@dataclass(frozen=True, slots=True)
class EncryptionFigures:
    """Times in seconds; `join_s` by the size of the group."""

    join_s: dict[int, list[float]]
    add_s: list[float]
    read_per_s: list[float]
    message_bytes: int


def part(effort: Effort, done: Callable[[str], None]) -> tuple[list[Table], dict[str, Any]]:
    found = measure(effort.of(1, 3, 3), done)
    kept = {**asdict(found), "budgets": budgets.as_json(_verdicts(found))}
    return _tables(found), kept


def measure(runs: int, done: Callable[[str], None]) -> EncryptionFigures:
    joins: dict[int, list[float]] = {}
    with page_device() as device:
        for size in SIZES:
            done(f"joining a group of {size}")
            joins[size] = [_join(size, device) for _ in range(runs)]
        done(f"adding {ADDED}")
        adding = [_add(device) for _ in range(runs)]
        done(f"reading {MESSAGES} messages in a group of 50")
        reading = [_read(device) for _ in range(runs)]
        sealed = len(device.encrypt(packed(Content("x" * 100)).decode()))
    return EncryptionFigures(joins, adding, reading, -(-sealed // 3) * 4)


def _join(size: int, device: PageDevice) -> float:
    _, group, welcome, _ = group_of(size, device)
    took_ms = device.join(welcome)
    assert device.members() == size
    assert device.receive([group.encrypt(b"hello")])[1] == ["hello"]
    return took_ms / 1_000


def _add(device: PageDevice) -> float:
    device.create("cnv_1")
    others = engines(ADDED)
    took_ms, _, welcome = device.add([each.key_package() for each in others])
    assert others[-1].join(welcome).receive(device.encrypt("hello")).data == b"hello"
    return took_ms / 1_000


def _read(device: PageDevice) -> float:
    """Messages per second, sent in turn by five members."""
    _, group, welcome, others = group_of(50, device)
    device.join(welcome)
    speakers = [group, *(each.join(welcome) for each in others[:4])]
    said = [speakers[n % len(speakers)].encrypt(packed(Content(f"message {n}"))) for n in range(MESSAGES)]
    took_ms, texts = device.receive(said)
    assert all(text is not None for text in texts)
    return MESSAGES / (took_ms / 1_000)


def _verdicts(found: EncryptionFigures) -> list[Verdict]:
    values = (
        median(found.join_s[1_000]),
        median(found.add_s),
        median(found.read_per_s),
        float(found.message_bytes),
    )
    return [budget.judge(value) for budget, value in zip(BUDGETS, values, strict=True)]


def _tables(found: EncryptionFigures) -> list[Table]:
    rows = (
        *((f"joining a group of {size:,}, s", spread(each)) for size, each in found.join_s.items()),
        (f"adding {ADDED} members by one commit, s", spread(found.add_s)),
        ("reading in a group of 50, messages/s", spread(found.read_per_s)),
        ("a message of 100 characters, bytes in base 64", str(found.message_bytes)),
    )
    return [
        Table("End-to-end encryption in Chromium", ("figure", "min / median / max"), rows),
        budgets.table("Budgets of encryption", _verdicts(found), of="what", value="measured"),
    ]
