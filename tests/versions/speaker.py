"""Runs in a work tree of some version: does with that version's functions what it reads from its standard input.

A line is a JSON object `{do, …}`, the answer a line `{done}` or `{failed}`, with the trace. It uses what each version's
own `perf` package offers, and nothing of the version that asks.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable
from importlib import import_module
from typing import Any

# the work tree, in the place of this file's folder
sys.path[:1] = [os.getcwd(), *(os.path.join(os.getcwd(), each) for each in ("functions", "layers/shared"))]

from kernel.caller import Caller  # noqa: E402
from perf import gateway  # noqa: E402 - after the path
from perf.gateway import Reply  # noqa: E402
from perf.people import Person, newcomers  # noqa: E402
from realtime import service as realtime  # noqa: E402


def _key_operations() -> Any:
    try:
        return import_module("perf.operations.keys")
    except ModuleNotFoundError:  # a version whose operations are no folder yet
        return import_module("perf.key_operations")


def _person(who: Person) -> dict[str, str]:
    return {name: getattr(who, name) for name in ("user_id", "session_id", "access_token", "refresh_token")}


def _reply(reply: Reply) -> dict[str, Any]:
    return {"status": reply.status, "body": json.loads(reply.text) if reply.text else None}


def http(*, function: str, route: str, who: Any, path: Any, query: Any, body: Any) -> dict[str, Any]:
    caller = None if who is None else Person(**who)
    return _reply(gateway.http(function, route, caller, path=path, query=query, body=body))


def frame(*, function: str, who: Any, connection_id: str, body: Any) -> dict[str, Any]:
    return _reply(gateway.frame(function, Person(**who), connection_id, body))


def connect(*, who: Any, connection_id: str) -> None:
    person = Person(**who)
    realtime.open_connection(Caller(person.user_id, person.session_id, connection_id))


def device(*, packages: int) -> dict[str, str]:
    """A person whose phone has left so many key packages."""
    operations = _key_operations()
    person, key = operations._with_device()
    operations._leave(person, key, packages)
    return _person(person)


DOES: dict[str, Callable[..., Any]] = {
    "http": http,
    "frame": frame,
    "connect": connect,
    "device": device,
    "newcomer": lambda: _person(newcomers(1)[0]),
    "invoke": lambda function, event: gateway.invoke(function, event),
    "job": lambda job, to: _reply(gateway.job(job, to=to)),
    "dispatch": lambda image: _reply(gateway.dispatch(image)),
}


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # what functions log is no answer
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = {"done": DOES[asked.pop("do")](**asked)}
        except Exception:  # told to whoever asked; the next is done all the same
            answer = {"failed": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
