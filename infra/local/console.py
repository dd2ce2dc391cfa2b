"""The driver's output: steps with their duration, and problems that name the next thing to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Problem(Exception):
    """A problem that the user can solve; `advice` says how."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


def say(text: str) -> None:
    print(text, flush=True)


class Step:
    """A running step; set `note` to its result."""

    def __init__(self) -> None:
        self.note = "done"


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Print the title at once and, when the block ends well, its note and duration."""
    print(f"{title:<34}", end="", flush=True)
    started = time.monotonic()
    current = Step()
    try:
        yield current
    except BaseException as error:
        how = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        print(f"{how} after {time.monotonic() - started:.1f} s", flush=True)
        raise
    print(f"{current.note:<28} {time.monotonic() - started:6.1f} s", flush=True)
