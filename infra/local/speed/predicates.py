"""The parts of a translated condition: each gives a function of an item, which MiniStack's own comparison backs.

A part that is not translated, or has a fault, raises `Untranslated`, when it is made or when it is asked of an item.
"""

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

Item = Mapping[str, Any]
Values = Mapping[str, Any]
Names = Mapping[str, str]
Found = Callable[[Item], Any]
Bind = Callable[[Values, Names], Found]  # a part of a condition, given the values and names of a call
Compare = Callable[[Any, str, Any], bool]  # MiniStack's own

_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?").fullmatch  # other numbers MiniStack compares


class Untranslated(Exception):
    """MiniStack has to evaluate this condition itself."""


@dataclass(frozen=True, slots=True)
class Constant:
    """A value of the call, which is the same for all items."""

    value: Any

    def __call__(self, _: Item) -> Any:
        return self.value


def joined(one: Bind, other: Bind, combine: Callable[[Any, Any], Any]) -> Bind:
    def bind(values: Values, names: Names) -> Found:
        left, right = one(values, names), other(values, names)
        return lambda item: combine(left(item), right(item))

    return bind


def negated(part: Found) -> Found:
    return lambda item: not part(item)


def exists(path: Found, there: bool) -> Found:
    return lambda item: (path(item) is not None) is there


def begins(path: Found, start: Found) -> Found:
    value = start.value if isinstance(start, Constant) else {}
    text = value.get("S") if type(value) is dict else None
    if type(text) is not str:
        raise Untranslated

    def found(item: Item) -> bool:
        attribute = path(item)
        if attribute is None:
            return False
        if type(has := attribute.get("S")) is not str:
            raise Untranslated
        return has.startswith(text)

    return found


def compared(left: Found, sign: str, right: Found, compare: Compare) -> Found:
    """A comparison; of texts and numbers with a value of the call, by Python's own of texts and of decimals."""
    value = right.value if isinstance(right, Constant) else None
    operate = _OPERATORS[sign]
    text = value.get("S") if type(value) is dict else None
    if type(text) is str:

        def of_texts(item: Item) -> bool:
            attribute = left(item)
            if type(attribute) is dict and type(has := attribute.get("S")) is str:
                return bool(operate(has, text))
            return compare(attribute, sign, value)

        return of_texts
    digits = value.get("N") if type(value) is dict and len(value) == 1 else None
    if type(digits) is str and _NUMBER(digits):
        number = Decimal(digits)

        def of_numbers(item: Item) -> bool:
            attribute = left(item)
            has = attribute.get("N") if type(attribute) is dict and len(attribute) == 1 else None
            if type(has) is str and _NUMBER(has):
                return bool(operate(Decimal(has), number))
            return compare(attribute, sign, value)

        return of_numbers
    return lambda item: compare(left(item), sign, right(item))


def between(part: Found, low: Found, high: Found, compare: Compare, inverted: Callable[[Any, Any], Any]) -> Found:
    if isinstance(low, Constant) and isinstance(high, Constant) and inverted(low.value, high.value):
        raise Untranslated
    above, below = compared(part, ">=", low, compare), compared(part, "<=", high, compare)
    return lambda item: above(item) and below(item)


def within(part: Found, operands: list[Found], compare: Compare) -> Found:
    def found(item: Item) -> bool:
        attribute = part(item)
        return any(compare(attribute, "=", each(item)) for each in operands)

    return found
