"""Translates the conditions of DynamoDB once, where MiniStack reads them anew for each item.

MiniStack splits a condition into tokens, checks it and reads it for each item that it is evaluated on, also for each
item of the partition that a query looks into. Here it becomes, once per text, a function of the item; values and names
are looked up once per call. What is not translated (`Untranslated`), and each fault, is left to MiniStack.
"""

import importlib
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from infra.local.patching import wrap
from infra.local.speed import predicates
from infra.local.speed.predicates import Bind, Found, Item, Names, Untranslated, Values

TABLES = "ministack.services.dynamodb"
EXPRESSIONS = 1_000
_COMPARATORS = ("EQ", "NE", "LT", "GT", "LE", "GE")
_USED = (
    "_between_bounds_error", "_check_redundant_parens", "_check_reserved_keyword_usage", "_compare_ddb",
    "_condition_syntax_error", "_get_at_path",
)  # fmt: skip


def apply() -> None:
    for name in _USED:
        wrap(TABLES, name, lambda original: original)  # they must exist
    wrap(TABLES, "_evaluate_condition", translating)


def translating(evaluate: Callable[..., Any]) -> Callable[..., Any]:
    """`evaluate` by translated conditions. The last one is kept with its values: a query asks for item after item."""
    tables = importlib.import_module(TABLES)
    last: tuple[Any, ...] = (None, None, None, None, None)

    @lru_cache(EXPRESSIONS)
    def translated(expression: str, slot: str) -> Bind | None:
        """None for a condition that has a fault or more than is translated here."""
        tokens = tables._tokenize(expression)
        if (
            tables._check_redundant_parens(tokens, slot)
            or tables._check_reserved_keyword_usage(tokens)
            or tables._condition_syntax_error(expression, slot)
        ):
            return None
        try:
            return _Translation(tables, tokens).whole()
        except Untranslated:
            return None

    def bound(expression: str, slot: str, values: Any, names: Any) -> Found | None:
        bind = translated(expression, slot)
        if bind is None or type(values) is not dict or type(names) is not dict:
            return None
        try:
            return bind(values, names)
        except Untranslated:
            return None

    def evaluating(expression: Any, item: Item, values: Any, names: Any, slot: str = "ConditionExpression") -> Any:
        nonlocal last
        known, known_slot, known_values, known_names, found = last
        if not (expression is known and values is known_values and names is known_names and slot == known_slot):
            found = bound(expression, slot, values, names) if expression and expression.strip() else None
            last = (expression, slot, values, names, found)
        if found is not None:
            try:
                return found(item)
            except Untranslated:
                pass
        return evaluate(expression, item, values, names, slot=slot)

    return evaluating


class _Translation:
    """Reads a condition as MiniStack's `_ExprEval` does, and makes a function of each part instead of its value.

    As there, both sides of AND and OR are evaluated always, so that the same faults are found.
    """

    def __init__(self, tables: Any, tokens: list[tuple[str, str]]) -> None:
        self._tables, self._tokens, self._at = tables, tokens, 0

    def whole(self) -> Bind:
        found = self._either()
        self._take("EOF")
        return found

    def _next(self, offset: int = 0) -> tuple[str, str]:
        at = self._at + offset
        return self._tokens[at] if at < len(self._tokens) else ("EOF", "")

    def _take(self, kind: str, *more: str) -> str:
        found, text = self._next()
        if found != kind and found not in more:
            raise Untranslated
        self._at += 1
        return text

    def _word(self, word: str) -> bool:
        """Whether the next token is this keyword, which is then taken."""
        kind, text = self._next()
        if kind != "IDENT" or text.upper() != word:
            return False
        self._at += 1
        return True

    def _either(self) -> Bind:
        found = self._both()
        while self._word("OR"):
            found = predicates.joined(found, self._both(), lambda left, right: left or right)
        return found

    def _both(self) -> Bind:
        found = self._not()
        while self._word("AND"):
            found = predicates.joined(found, self._not(), lambda left, right: left and right)
        return found

    def _not(self) -> Bind:
        if self._word("NOT"):
            part = self._not()
            return lambda values, names: predicates.negated(part(values, names))
        return self._single()

    def _single(self) -> Bind:
        kind, text = self._next()
        if kind == "LPAREN":
            self._take("LPAREN")
            inside = self._either()
            self._take("RPAREN")
            return inside
        if kind == "IDENT" and self._next(1)[0] == "LPAREN":
            return self._function(text.lower())
        return self._comparison(self._operand())

    def _function(self, name: str) -> Bind:
        self._take("IDENT")
        self._take("LPAREN")
        path = self._path()
        if name in ("attribute_exists", "attribute_not_exists"):
            self._take("RPAREN")
            there = name == "attribute_exists"
            return lambda values, names: predicates.exists(path(values, names), there)
        if name != "begins_with":
            raise Untranslated
        self._take("COMMA")
        start = self._operand()
        self._take("RPAREN")
        return lambda values, names: predicates.begins(path(values, names), start(values, names))

    def _comparison(self, left: Bind) -> Bind:
        compare = self._tables._compare_ddb
        if self._next()[0] in _COMPARATORS:
            sign = self._take(*_COMPARATORS)
            right = self._operand()
            return lambda values, names: predicates.compared(left(values, names), sign, right(values, names), compare)
        if self._word("BETWEEN"):
            low = self._operand()
            if not self._word("AND"):
                raise Untranslated
            high = self._operand()
            inverted = self._tables._between_bounds_error
            return lambda values, names: predicates.between(
                left(values, names), low(values, names), high(values, names), compare, inverted
            )
        if self._word("IN"):
            self._take("LPAREN")
            operands = [self._operand()]
            while self._next()[0] == "COMMA":
                self._take("COMMA")
                operands.append(self._operand())
            self._take("RPAREN")
            return lambda values, names: predicates.within(
                left(values, names), [each(values, names) for each in operands], compare
            )
        raise Untranslated

    def _operand(self) -> Bind:
        kind, text = self._next()
        if kind == "VALUE_REF":
            self._take("VALUE_REF")
            return lambda values, _: predicates.Constant(values.get(text))
        return self._path()

    def _path(self) -> Bind:
        if self._next()[0] == "IDENT" and self._next(1)[0] == "LPAREN":
            raise Untranslated  # size(…)
        steps: list[str | int] = [self._take("NAME_REF", "IDENT")]
        while self._next()[0] in ("DOT", "LBRACKET"):
            if self._take("DOT", "LBRACKET") == ".":
                steps.append(self._take("NAME_REF", "IDENT"))
            else:
                steps.append(int(self._take("NUMBER")))
                self._take("RBRACKET")
        at_path = self._tables._get_at_path

        def bind(values: Values, names: Names) -> Found:
            path = [names.get(step, step) if isinstance(step, str) and step[0] == "#" else step for step in steps]
            if len(path) == 1:
                name: Any = path[0]
                return lambda item: item.get(name) if item else None
            return lambda item: at_path(item, path)

        return bind
