"""What is being done, and how long the rest is going to take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


class Progress:
    """Steps with the seconds that each is expected to take; those that are done tell how this machine keeps to them."""

    def __init__(
        self, expected_s: Mapping[str, float], say: Callable[[str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        self._waiting = dict(expected_s)
        self._say, self._now = say, now
        self._done_s = 0.0  # as expected, of the steps that are done
        self._current_s = 0.0
        self._started = self._began = now()
        self.took_s: dict[str, float] = {}  # by step
        self._name = ""

    def begin(self, name: str) -> None:
        """The step before it is done."""
        self.end()
        self._name, self._current_s, self._began = name, self._waiting.pop(name), self._now()
        self._say(f"{name} ({_clock(self.left_s())} left)")

    def end(self) -> None:
        if self._name:
            self._done_s += self._current_s
            self.took_s[self._name] = self._now() - self._began
            self._name, self._current_s = "", 0.0

    def tell(self, what: str) -> None:
        """Something within the step."""
        self._say(f"  {what} ({_clock(self.left_s())} left)")

    def left_s(self) -> float:
        """Of the whole; a step that takes longer than expected is taken to end now."""
        pace = sum(self.took_s.values()) / self._done_s if self._done_s else 1.0
        current = max(0.0, pace * self._current_s - (self._now() - self._began))
        return current + pace * sum(self._waiting.values())


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
