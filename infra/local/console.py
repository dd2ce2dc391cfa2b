"""The driver's output: steps with their duration, and problems that name the next thing to do."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EVERY_S = 0.25  # how often a terminal shows how far a step is


class Problem(Exception):
    """A problem that the user can solve; `advice` says how."""

    def __init__(self, message: str, advice: str) -> None:
        super().__init__(message)
        self.advice = advice


def say(text: str) -> None:
    print(text, flush=True)


class Step:
    """A running step: set `note` to its result, and `doing` to what tells what it does at the moment."""

    def __init__(self) -> None:
        self.note = "done"
        self.doing: Callable[[], str] = str


@contextmanager
def step(title: str) -> Iterator[Step]:
    """Print the title at once and, when the block ends well, its note and duration.

    In a terminal, the line shows meanwhile what is being done and for how long.
    """
    print(f"{title:<34}", end="", flush=True)
    started = time.monotonic()
    current = Step()
    ended = threading.Event()
    showing = threading.Thread(target=_show, args=(title, current, started, ended), daemon=True)
    if sys.stdout.isatty():
        showing.start()
    try:
        yield current
    except BaseException as error:
        _end(showing, ended)
        how = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        print(f"{how} after {time.monotonic() - started:.1f} s", flush=True)
        raise
    _end(showing, ended)
    print(f"{current.note:<28} {time.monotonic() - started:6.1f} s", flush=True)


def _show(title: str, current: Step, started: float, ended: threading.Event) -> None:
    while not ended.wait(EVERY_S):
        print(f"\r{title:<34}{current.doing():<28.28} {time.monotonic() - started:6.1f} s", end="", flush=True)
    print(f"\r{'':<71}\r{title:<34}", end="", flush=True)


def _end(showing: threading.Thread, ended: threading.Event) -> None:
    ended.set()
    if showing.ident:
        showing.join()
