"""Caches for computations that MiniStack repeats for every request, a third of its time otherwise.

1. The policies of a role are parsed for each call that the role makes.
2. The syntax of a condition is checked for each item that the condition is evaluated on.
"""

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from infra.local.patching import wrap

POLICIES = 1_000
CONDITIONS = 1_000


def apply() -> None:
    wrap("ministack.core.iam_evaluator", "parse_policy_document", _by_content)
    wrap("ministack.services.dynamodb", "_condition_syntax_error", lru_cache(CONDITIONS))


def _by_content(parse: Callable[[Any], list[Any]]) -> Callable[[Any], list[Any]]:
    remembered = lru_cache(POLICIES)(parse)

    def parsing(document: Any) -> list[Any]:
        return list(remembered(document if isinstance(document, str) else json.dumps(document)))

    return parsing
