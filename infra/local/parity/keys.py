"""Corrects differences between MiniStack and AWS in the authorisation of KMS calls.

MiniStack checks policies, but not the condition key `kms:EncryptionContext:…`: every right with such a condition
refuses.
"""

import json
from collections.abc import Callable
from typing import Any

from infra.local.patching import wrap

Context = dict[str, Any]


def apply() -> None:
    wrap("ministack.core.iam_actions", "request_tag_context", _with_encryption_context)


def _with_encryption_context(of_tags: Callable[..., Context]) -> Callable[..., Context]:
    def context(service: str, action: str, body: bytes, *more: Any) -> Context:
        found = of_tags(service, action, body, *more)
        if service == "kms":
            given = json.loads(body or b"{}").get("EncryptionContext") or {}
            found |= {f"kms:encryptioncontext:{name.lower()}": value for name, value in given.items()}
        return found

    return context
