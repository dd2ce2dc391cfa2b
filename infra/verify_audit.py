"""Verifies an export of the audit log offline: `python -m infra.verify_audit EXPORT PROOF`.

EXPORT holds entries as GET /admin/audit returns them, in any order: a JSON list, an answer with `items`, or one entry a
line. PROOF is an answer of GET /admin/audit/proof, best kept apart from the deployment; entries after it are verified
by the chain alone. It needs only `rfc8785`, and says which entry is missing or was changed.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import rfc8785


def read(text: str) -> list[dict[str, Any]]:
    """The entries of an export by their numbers."""
    try:
        whole = json.loads(text)
    except ValueError:
        whole = [json.loads(line) for line in text.splitlines() if line.strip()]
    found = whole["items"] if isinstance(whole, dict) and "items" in whole else whole
    entries: list[dict[str, Any]] = [found] if isinstance(found, dict) else found
    return sorted(entries, key=lambda each: int(each["n"]))


def check(entries: Sequence[dict[str, Any]], proof: dict[str, Any]) -> None:
    """Raise ValueError at the first entry that is missing, changed, or does not match the proof."""
    n, previous = proof["first"] - 1, proof["previous_hash"]
    for entry in entries:
        if entry["n"] != n + 1:
            raise ValueError(f"entry {n + 1} is missing")
        content = {name: value for name, value in entry.items() if name != "hash"}
        found = hashlib.sha256(previous.encode() + b"\n" + rfc8785.dumps(content)).hexdigest()
        if found != entry["hash"]:
            raise ValueError(f"entry {n + 1} was changed, or the one before it")
        n, previous = entry["n"], found
        if n == proof["last"] and previous != proof["head_hash"]:
            raise ValueError(f"the chain up to entry {n} is not the one that was proved")
    if n < proof["last"]:
        raise ValueError(f"entry {n + 1} is missing")


def main(arguments: Sequence[str]) -> int:
    if len(arguments) != 2:
        print(__doc__)
        return 2
    try:
        entries, proof = read(Path(arguments[0]).read_text()), json.loads(Path(arguments[1]).read_text())
    except (OSError, ValueError, LookupError, TypeError) as unreadable:
        print(f"these are no export and proof ({unreadable})\n\n{__doc__}")
        return 2
    try:
        check(entries, proof)
    except ValueError as broken:
        print(broken)
        return 1
    print(f"{len(entries)} entries are whole and as they were")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
