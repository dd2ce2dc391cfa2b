"""How much is run for a figure."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

T = TypeVar("T")


class Effort(IntEnum):
    """QUICK shows that it works, USUAL is what a figure needs (6 minutes in all), SLOW tells smaller differences."""

    QUICK = 0
    USUAL = 1
    SLOW = 2

    def of(self, quick: T, usual: T, slow: T) -> T:
        return (quick, usual, slow)[self]
