"""The number of repeats for a figure."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

T = TypeVar("T")


class Effort(IntEnum):
    """QUICK checks that a part works, USUAL suffices for a figure (6 minutes in all), SLOW shows smaller effects."""

    QUICK = 0
    USUAL = 1
    SLOW = 2

    def of(self, quick: T, usual: T, slow: T) -> T:
        return (quick, usual, slow)[self]
