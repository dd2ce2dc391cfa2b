"""Progress of a measurement, and the estimated remaining time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class Progress:
    """Steps with their expected seconds; the durations of finished steps show how fast this machine is."""

    def __init__(
        self, expected_s: Mapping[str, float], say: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._waiting = dict(expected_s)
        self._say, self._now = say, now
        self._done_s = 0.0  # expected seconds of the finished steps
        self._current_s = 0.0
        self._started = self._began = now()
        self.took_s: dict[str, float] = {}  # by step
        self._name = ""

    def begin(self, name: str) -> None:
        """Begin a step; the previous one is finished."""
        self.end()
        self._name, self._current_s, self._began = name, self._waiting.pop(name), self._now()
        self._say(f"{name} ({_clock(self.left_s())} left)")

    def end(self) -> None:
        if self._name:
            self._done_s += self._current_s
            self.took_s[self._name] = self._now() - self._began
            self._name, self._current_s = "", 0.0

    def tell(self, what: str) -> None:
        """Report a detail of the present step."""
        self._say(f"  {what} ({_clock(self.left_s())} left)")

    def left_s(self) -> float:
        """The estimated remaining seconds; a step that exceeds its estimate is assumed to end now."""
        pace = sum(self.took_s.values()) / self._done_s if self._done_s else 1.0
        current = max(0.0, pace * self._current_s - (self._now() - self._began))
        return current + pace * sum(self._waiting.values())


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
