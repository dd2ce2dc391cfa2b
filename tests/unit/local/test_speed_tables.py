"""Conditions that are translated hold for the same items as MiniStack's own reading of them, with the same faults."""

import copy
import itertools
from importlib import import_module
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.local.speed import conditions
from infra.local.speed import tables as faster_tables

tables = import_module(conditions.TABLES)
evaluate: Any = tables._evaluate_condition
translated: Any = conditions.translating(evaluate)

VALUES = {
    ":a": {"S": "a"}, ":b": {"S": "b"}, ":empty": {"S": ""}, ":ä": {"S": "ä"}, ":one": {"N": "1"}, ":two": {"N": "2.0"},
    ":ten": {"N": "10"}, ":many": {"N": "1E+3"}, ":minus": {"N": "-7"}, ":yes": {"BOOL": True}, ":no": {"BOOL": False},
    ":null": {"NULL": True}, ":bytes": {"B": "YQ=="}, ":set": {"SS": ["b", "a"]}, ":list": {"L": [{"S": "a"}]},
}  # fmt: skip
NAMES = {"#0": "x", "#1": "y", "#m": "m", "#s": "size"}
PATHS = ("#0", "#1", "x", "#m", "#m.#0", "m.y[1]", "m.y[0].x", "missing", "#unknown", "#s")
COMPARATORS = ("=", "<>", "<", ">", "<=", ">=")

path = st.sampled_from(PATHS)
value = st.sampled_from([*VALUES, ":unknown"])
operand = st.one_of(path, value, path.map(lambda each: f"size({each})"))
single = st.one_of(
    st.builds("{} {} {}".format, operand, st.sampled_from(COMPARATORS), operand),
    st.builds("{} BETWEEN {} AND {}".format, operand, operand, operand),
    st.builds("{} IN ({}, {})".format, operand, operand, operand),
    st.builds("{}({})".format, st.sampled_from(["attribute_exists", "attribute_not_exists"]), path),
    st.builds("{}({}, {})".format, st.sampled_from(["begins_with", "contains", "attribute_type"]), path, operand),
    st.sampled_from(
        ["((#0 = :a))", "name = :a", "#0 =", "#0", "#0 = :a :b", "#0 = :a - :b", "x between :a and :b", ""]
    ),
)
condition = st.recursive(
    single,
    lambda part: st.one_of(
        st.builds("{} {} {}".format, part, st.sampled_from(["AND", "OR", "or"]), part),
        st.builds("({})".format, part),
        st.builds("NOT {}".format, part),
    ),
    max_leaves=4,
)
plain = st.sampled_from([*VALUES.values(), None])
item = st.builds(
    lambda x, y, inner, other: {
        name: found for name, found in {
            "x": x, "y": y, "size": other, "m": {"M": {"x": inner, "y": {"L": [other, {"S": "b"}]}}} if inner else None,
        }.items() if found is not None
    },
    plain, plain, plain, plain,
)  # fmt: skip


def outcome(how: Any, *call: Any) -> Any:
    try:
        return bool(how(*call))
    except ValueError as error:
        return str(error)


@settings(max_examples=2_000, deadline=None)
@given(condition, st.lists(item, min_size=1, max_size=3))
def test_a_translated_condition_holds_for_the_same_items_with_the_same_faults(text: str, items: list[Any]) -> None:
    slot = "FilterExpression"
    expected = [outcome(evaluate, text, each, VALUES, NAMES, slot) for each in items]
    assert [outcome(translated, text, each, VALUES, NAMES, slot) for each in items] == expected


def test_all_kinds_of_values_compare_as_before() -> None:
    kinds = ({"x": left} for left in VALUES.values())
    for found, sign, name in itertools.product(kinds, COMPARATORS, VALUES):
        call = f"#0 {sign} {name}", found, VALUES, NAMES
        assert outcome(translated, *call) == outcome(evaluate, *call), call


def test_the_values_of_one_call_are_not_those_of_the_next() -> None:
    text, found = "#0 = :v", {"x": {"S": "a"}}
    answers = [translated(text, found, {":v": {"S": wanted}}, {"#0": "x"}) for wanted in "aba"]
    assert answers == [True, False, True]
    assert translated(text, {"y": {"S": "a"}}, {":v": {"S": "a"}}, {"#0": "y"})


@pytest.mark.parametrize(("values", "names"), [(None, NAMES), (VALUES, None)])
def test_a_call_without_values_or_names_is_left_to_ministack(values: Any, names: Any) -> None:
    call = "#0 = :a", {"x": {"S": "a"}}, values, names
    assert outcome(translated, *call) == outcome(evaluate, *call)


def test_an_esk_that_is_no_item_is_left_to_ministack() -> None:
    odd: Any
    for odd in ({"x": "a"}, {"x": {"S": 1}}, {"x": {}}, {"x": None}):
        call = "#0 = :a AND #0 < :one", odd, VALUES, NAMES
        assert outcome(translated, *call) == outcome(evaluate, *call)


def test_tokens_are_each_callers_own() -> None:
    tokens = faster_tables.remembering_tokens(tables._tokenize)
    tokens("#0 = :a").clear()
    assert tokens("#0 = :a") == tables._tokenize("#0 = :a")


def test_a_copy_is_deep_and_has_what_deepcopy_has() -> None:
    class Kept(dict[str, Any]):
        """A dict that its table tells from others."""

    original: Any = {"m": {"M": {"l": {"L": [{"S": "a"}, {"BOOL": True}]}}}, "kept": Kept(a=[1]), "t": ([1], b"x")}
    found = faster_tables.copied(original)
    assert found == copy.deepcopy(original)
    assert type(found["kept"]) is Kept
    found["m"]["M"]["l"]["L"].append({"S": "b"})
    found["kept"]["a"].append(2)
    found["t"][0].append(2)
    assert original == {
        "m": {"M": {"l": {"L": [{"S": "a"}, {"BOOL": True}]}}}, "kept": {"a": [1]}, "t": ([1], b"x")
    }  # fmt: skip
