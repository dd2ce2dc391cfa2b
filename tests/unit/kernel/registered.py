"""`python -m tests.unit.kernel.registered HANDLER…` in a process like Lambda's: a line of JSON for each handler, with
what it registers at its start, and what more once all modules are loaded that were put off.

Each handler is imported in a fork of a process that has loaded the packages.
"""

import json
import os
import sys
from importlib import import_module
from typing import Any

from kernel import put_off

PACKAGES = ("boto3", "chalice", "pydantic", "pynamodb.models", "redis", "jwt", "aws_lambda_powertools")
# every table of a module that others register something in
TABLES = {
    "conversations.ports": ("_erasers", "_load"),
    "kernel.after_commit": ("_kinds",),
    "kernel.personal_data": ("_readers",),
    "kernel.websocket": ("ACTIONS",),
    "log.losses": ("_registered",),
    "log.registry": ("_types",),
    "log.subscriptions": ("_subscriptions",),
    "messages.contents": ("_loaders",),
    "realtime.fanout": ("_audience",),
    "realtime.jobs": ("_kinds",),
}


def _registered() -> set[str]:
    found: set[str] = set()
    for module, tables in TABLES.items():
        if module in sys.modules:
            for table in tables:
                content = getattr(sys.modules[module], table)
                found |= {
                    f"{module}.{table}: {key}" for key in (content if isinstance(content, dict) else map(repr, content))
                }
    return found


def _waiting() -> set[str]:
    return {name for name, module in sys.modules.items() if put_off.is_waiting(module)}


def _start(handler: str) -> dict[str, Any]:
    import_module(handler)
    waiting, before = _waiting(), _registered()
    put_off.load_all()
    return {"waiting": sorted(waiting), "registered": len(before), "more": sorted(_registered() - before)}


def main() -> None:
    for name in PACKAGES:
        import_module(name)
    for handler in sys.argv[1:]:
        if os.fork() == 0:
            import_module(handler)
            waiting, before = _waiting(), _registered()
            put_off.load_all()
            more = _registered() - before
            print(
                json.dumps(
                    {"handler": handler, "waiting": sorted(waiting), "registered": len(before), "more": sorted(more)}
                ),
                flush=True,
            )
            os._exit(0)
        _, status = os.wait()
        if status:
            sys.exit(f"{handler} cannot be imported")


if __name__ == "__main__":
    main()
