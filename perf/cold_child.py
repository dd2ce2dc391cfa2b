"""Runs in a fresh interpreter: imports a handler and calls it, and writes down how long that took.

Only what Lambda's own runtime has imported too may be imported here: it costs the function nothing.
"""

import json
import sys
import time


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
    for _ in range(2):
        try:
            answer = function(event, _Context())
        except Exception as error:  # an authorizer refuses by raising
            answer = {"raised": f"{type(error).__name__}: {error}"}
        marks.append(_clock())
    with open(report_file, "w") as file:
        json.dump({"marks": marks, "imported": imported, "used": sorted(sys.modules), "answer": answer}, file)


class _Context:
    aws_request_id = "5e1f6c1e-0000-4000-8000-00000000000f"
    function_name = "measured"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:measured"

    def get_remaining_time_in_millis(self) -> int:
        return 10_000


main()
