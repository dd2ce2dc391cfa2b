"""Leaves out work that MiniStack's DynamoDB repeats, without a difference in any answer.

1. An expression is split into tokens several times for each call, and the syntax of a condition is checked for each
   item that it is evaluated on. Here once (conditions.py has more on them).
2. Items are copied by `copy.deepcopy`, which is slow for what JSON has: dicts, lists and texts.
3. The size of a number is found from its digits for each item of an answer. Here it is remembered by its text.
"""

import copy
import importlib
from collections.abc import Callable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

from infra.local.patching import stop, wrap
from infra.local.speed import conditions

TABLES = "ministack.services.dynamodb"
EXPRESSIONS, NUMBERS = 1_000, 10_000


def apply() -> None:
    conditions.apply()
    wrap(TABLES, "_condition_syntax_error", lru_cache(EXPRESSIONS))
    wrap(TABLES, "_tokenize", remembering_tokens)
    wrap(TABLES, "_number_size_bytes", lru_cache(NUMBERS))
    tables: Any = importlib.import_module(TABLES)
    if getattr(tables, "copy", None) is not copy:
        raise stop(f"{TABLES}.copy")
    tables.copy = SimpleNamespace(deepcopy=copied)


def copied(value: Any) -> Any:
    """A deep copy of what JSON has; `copy.deepcopy` copies everything else."""
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return {name: copied(each) for name, each in value.items()}
    if kind is list:
        return [copied(each) for each in value]
    return copy.deepcopy(value)


def remembering_tokens(tokenize: Callable[[str], list[Any]]) -> Callable[[str], list[Any]]:
    """`tokenize` once per text; each caller has a list of its own."""
    remembered = lru_cache(EXPRESSIONS)(tokenize)
    return lambda expression: list(remembered(expression))
