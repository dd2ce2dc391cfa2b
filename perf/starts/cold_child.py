"""Runs in a fresh interpreter: imports a handler, calls it, and reports the times.

This module may only import modules that Lambda's runtime imports too, because those cost the function nothing.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any


def _clock() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def main() -> None:
    handler, event_file, report_file, *paths = sys.argv[1:]
    sys.path[:0] = paths
    with open(event_file) as file:
        event = json.load(file)
    module, _, name = handler.rpartition(".")
    marks = [_clock()]
    function = getattr(__import__(module, fromlist=[name]), name)
    marks.append(_clock())
    imported = sorted(sys.modules)
    bcrypt = _time_bcrypt()
    for number in range(2):
        try:
            answer = function(event, _Context())
        except Exception as error:  # an authorizer refuses by raising an error
            answer = {"raised": f"{type(error).__name__}: {error}"}
        marks.append(_clock())
        if number == 0:
            spent, modules = list(bcrypt), len(sys.modules)
    report = {"marks": marks, "imported": imported, "used": sorted(sys.modules), "answer": answer}
    with open(report_file, "w") as file:
        json.dump({**report, "bcrypt": spent, "modules": modules}, file)


def _time_bcrypt() -> list[float]:
    """The time and the CPU time in seconds that bcrypt takes from now on; it is slow on purpose."""
    spent = [0.0, 0.0]
    if passwords := sys.modules.get("accounts.passwords"):
        passwords._hash = _timed(passwords._hash, spent)  # type: ignore[attr-defined]
    return spent


def _timed(function: Callable[..., Any], spent: list[float]) -> Callable[..., Any]:
    def timed(*arguments: Any) -> Any:
        before = _clock()
        try:
            return function(*arguments)
        finally:
            spent[:] = [total + now - then for total, now, then in zip(spent, _clock(), before, strict=True)]

    return timed


class _Context:
    aws_request_id = "5e1f6c1e-0000-4000-8000-00000000000f"
    function_name = "measured"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:measured"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


main()
