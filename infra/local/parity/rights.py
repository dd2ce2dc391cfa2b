"""Records the calls of each role for `infra.local.rights`: one line of JSON for each kind of call, on its first time.

MiniStack checks a call against the policies of the calling role, as AWS does, and refuses it if none allows it; this
module records the decision with the request (R44).
"""

import json
import re
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from infra.local.patching import wrap

EVALUATOR = "ministack.core.iam_evaluator"
# ids in the last part of a resource's name do not matter for a right: uploads, messages, connections
_ID = re.compile(r"(?<=[/:])[^/:]*[0-9a-hjkmnp-tv-z]{20,}[^/:]*", re.IGNORECASE)
_KEYRING = "kms:encryptioncontext:keyring"


def apply(calls: Path) -> None:
    """Have MiniStack append each new kind of call to this file."""
    known = set(calls.read_text().splitlines()) if calls.exists() else set()
    asked: ContextVar[Any] = ContextVar("asked", default=None)

    def remembering(evaluate: Callable[..., Any]) -> Callable[..., Any]:
        def evaluated(question: Any, *policies: Any) -> Any:
            asked.set(question)
            return evaluate(question, *policies)

        return evaluated

    def noting(enforce: Callable[..., Any]) -> Callable[..., Any]:
        def enforced(*call: Any, **named: Any) -> Any:
            asked.set(None)
            refusal = enforce(*call, **named)
            if (question := asked.get()) is not None and ":assumed-role/" in question.principal_arn:
                note(line_of(question, allowed=refusal is None))
            return refusal

        return enforced

    def note(line: str) -> None:
        if line not in known:
            known.add(line)
            with calls.open("a") as file:
                file.write(f"{line}\n")

    wrap(EVALUATOR, "evaluate", remembering)
    wrap(EVALUATOR, "enforce", noting)


def line_of(question: Any, *, allowed: bool) -> str:
    """The record of a call: the role, the action, the resource, and the keyring for which a key was used."""
    return json.dumps(
        {
            "role": question.principal_arn.split("/")[1],
            "action": question.action,
            "resource": _ID.sub("*", question.resource_arn),
            "keyring": question.service_context.get(_KEYRING),
            "allowed": allowed,
        }
    )
