"""Shows executions of state machines, and starts failed ones again: `python -m infra.machines [MACHINE] [--go]`.

Without MACHINE it counts the executions of each machine. With a name (`poll-closing`, `file-intake` …) it lists the
failed executions with their reasons; with `--go` it starts each again with the same input, under a new name. Every
machine of the stack checks what is still to be done, so repeating is harmless.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from infra import chosen_stack

SHOWN = 20
ENDED_BADLY = ("FAILED", "TIMED_OUT", "ABORTED")


def machines() -> dict[str, str]:
    """The ARNs of the stack's machines by their names without the stack's prefix."""
    prefix = f"{os.environ['STACK_NAME']}-"
    pages = chosen_stack.client("stepfunctions").get_paginator("list_state_machines").paginate()
    found = (each for page in pages for each in page["stateMachines"])
    return {
        each["name"].removeprefix(prefix): each["stateMachineArn"] for each in found if each["name"].startswith(prefix)
    }


def _executions(arn: str) -> Iterator[dict[str, Any]]:
    """The executions of a machine that AWS still keeps, newest first, at most a thousand."""
    pages = chosen_stack.client("stepfunctions").get_paginator("list_executions")
    for page in pages.paginate(stateMachineArn=arn, PaginationConfig={"MaxItems": 1000}):
        yield from page["executions"]


def counted() -> list[str]:
    """A line for each machine with the number of executions in each state."""
    lines = []
    for name, arn in sorted(machines().items()):
        states = Counter(each["status"] for each in _executions(arn))
        told = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
        lines.append(f"{name:20} {told}")
    return lines


def failed(name: str, *, go: bool) -> list[str]:
    """Failed executions of machine `name` with reasons, started again if `go`; SystemExit for an unknown name."""
    client, known = chosen_stack.client("stepfunctions"), machines()
    if name not in known:
        raise SystemExit(f"there is no machine {name}; there are {', '.join(sorted(known))}")
    bad = [each for each in _executions(known[name]) if each["status"] in ENDED_BADLY][:SHOWN]
    lines = [f"{len(bad)} executions of {name} ended badly" + (f" (the last {SHOWN})" if len(bad) == SHOWN else "")]
    for each in bad:
        about = client.describe_execution(executionArn=each["executionArn"])
        lines.append(
            f"  {each['name']} {each['status']} {about.get('error', '')} {about.get('cause', '')[:200]}".rstrip()
        )
        if go:
            begun = client.start_execution(stateMachineArn=known[name], input=about["input"])
            lines.append(f"    started again as {begun['executionArn'].rpartition(':')[2]}")
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.machines", description="Executions of state machines.")
    parser.add_argument("machine", nargs="?", help="its name without the stack's, such as poll-closing")
    chosen_stack.add_option(parser)
    parser.add_argument("--go", action="store_true", help="start those that ended badly again")
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    print("\n".join(failed(chosen.machine, go=chosen.go) if chosen.machine else counted()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
