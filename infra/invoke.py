"""Calls a function of the stack: `python -m infra.invoke FUNCTION [JSON] [--stack NAME]`, and prints its answer."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence

from infra import chosen_stack


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="infra.invoke", description="Calls a function of the stack.")
    parser.add_argument("function", help="its name without the stack's, such as EraseExpired")
    parser.add_argument("event", nargs="?", default="{}", type=json.loads, help="what it is given, as JSON")
    chosen_stack.add_option(parser)
    chosen = parser.parse_args(arguments)
    chosen_stack.use(chosen.stack)
    answer = chosen_stack.client("lambda").invoke(
        FunctionName=f"{os.environ['STACK_NAME']}-{chosen.function}", Payload=json.dumps(chosen.event)
    )
    print(f"{chosen.function} answers {answer['Payload'].read().decode()}")
    if failed := answer.get("FunctionError"):
        print(f"{chosen.function} failed ({failed}): python -m infra.show errors {chosen.function}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
