"""Bodies: what is refused, and how the refusal names it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import pytest
from pydantic import Field

from kernel.errors import MalformedJson, Problem, ValidationFailed
from kernel.schema import Input, Instant, InstantSince1970, JsonValue, Opaque, Output, Paging, parse_json, parse_query


class Inner(Input):
    flag: bool = False


class Body(Input):
    name: Annotated[Opaque, Field(max_length=10)]
    count: Annotated[int, Field(ge=0, le=2**53)] = 0
    inner: Inner = Inner()
    extra: dict[str, Any] = {}
    several: Annotated[list[int], Field(max_length=1)] = []
    since: InstantSince1970 = 0


class Shown(Output):
    at: Instant


def _refusal(raw: str | bytes) -> Problem:
    with pytest.raises(Problem) as refusal:
        parse_json(Body, raw)
    return refusal.value


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"name": "x" * 11}, "Value should have a length of at most 10, not 11"),
        ({"name": "a\0"}, "must not contain the NUL character"),
        ({"name": 7}, "Input should be a valid string"),
        ({"name": "a", "since": "1969-12-31T23:59:59Z"}, "must not be before 1970"),
        ({"name": "a", "several": [1, 2]}, "List should have at most 1 item, not 2"),
    ],
)
def test_a_refusal_says_what_is_wrong_in_words_for_people(body: dict[str, Any], message: str) -> None:
    assert [each.message for each in _refusal(json.dumps(body)).errors] == [message]


def test_a_good_body_is_read() -> None:
    read = parse_json(Body, '{"name": "Zoë", "count": 3, "inner": {"flag": true}}')
    assert (read.name, read.count, read.inner.flag) == ("Zoë", 3, True)


@pytest.mark.parametrize(
    "raw",
    [
        "",
        "{",
        '{"name": "a",}',
        "{'name': 'a'}",
        '{"name": "a"} x',
        b'{"name": "\xff"}',
        '{"name": "\\ud800"}',
        '{"name": "\\udc00x"}',
        '{"extra": ' + "[" * 5_000 + "]" * 5_000 + ', "name": "a"}',
    ],
)
def test_what_is_no_json_is_malformed(raw: str | bytes) -> None:
    refusal = _refusal(raw)
    assert isinstance(refusal, MalformedJson)
    assert (refusal.status, refusal.stable_code) == (400, "malformed_json")


@pytest.mark.parametrize(
    ("raw", "field"),
    [
        ('{"name": "a", "nickname": "b"}', "nickname"),
        ('{"name": "a", "inner": {"colour": 1}}', "inner.colour"),
        ("{}", "name"),
        ('{"name": null}', "name"),
        ('{"name": 7}', "name"),
        ('{"name": ["a"]}', "name"),
        ('{"name": "a\\u0000b"}', "name"),
        ('{"name": "12345678901"}', "name"),
        ('{"name": "a", "count": "3"}', "count"),
        ('{"name": "a", "count": 3.0}', "count"),
        ('{"name": "a", "count": true}', "count"),
        ('{"name": "a", "count": -1}', "count"),
        ('{"name": "a", "count": 9007199254740993}', "count"),
        ('{"name": "a", "count": ' + "9" * 4_000 + "}", "count"),
        ('{"name": "a", "inner": {"flag": "yes"}}', "inner.flag"),
        ('{"name": "a", "inner": {"flag": 1}}', "inner.flag"),
        ('{"name": "a", "extra": []}', "extra"),
        ("[]", "body"),
        ("null", "body"),
        ('"name"', "body"),
    ],
)
def test_a_wrong_missing_or_unknown_field_is_named(raw: str, field: str) -> None:
    refusal = _refusal(raw)
    assert isinstance(refusal, ValidationFailed)
    assert [error.field for error in refusal.errors] == [field]
    assert field in refusal.text


def test_a_number_of_too_many_digits_is_refused() -> None:
    assert _refusal('{"name": "a", "count": ' + "9" * 100_000 + "}").status == 400


def test_several_wrong_fields_are_named_together() -> None:
    assert {error.field for error in _refusal('{"count": -1, "x": 1}').errors} == {"name", "count", "x"}


def test_at_most_twenty_errors_are_told() -> None:
    raw = '{"name": "a", ' + ", ".join(f'"x{n}": 1' for n in range(1_000)) + "}"
    assert len(_refusal(raw).errors) == 20


def test_a_refusal_does_not_repeat_the_value() -> None:
    refusal = _refusal('{"name": ["canary"], "count": "canary"}')
    assert "canary" not in str(refusal.as_dict("r"))


def test_a_page_is_50_long_unless_asked_otherwise() -> None:
    assert parse_query(Paging, {}).limit == 50
    assert parse_query(Paging, {"limit": "7", "unknown": "ignored"}).limit == 7


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "101"},
        {"limit": "-1"},
        {"limit": "ten"},
        {"limit": "9" * 5_000},
        {"limit": ["1", "2"]},
        {"cursor": ["a", "b"]},
    ],
)
def test_a_wrong_query_is_refused(query: dict[str, Any]) -> None:
    with pytest.raises(ValidationFailed) as refusal:
        parse_query(Paging, query)
    assert [error.field for error in refusal.value.errors] == [next(iter(query))]


@pytest.mark.parametrize("cursor", ["", "x", "x" * 5_000])
def test_whether_a_cursor_is_one_is_not_for_the_schema_to_say(cursor: str) -> None:
    assert parse_query(Paging, {"cursor": cursor}).cursor == cursor


def test_an_instant_goes_out_as_rfc_3339() -> None:
    assert Shown(at=1_795_382_645_123).model_dump_json() == '{"at":"2026-11-22T21:24:05.123Z"}'


def _nested(levels: int, kind: str) -> str:
    """JSON of so many objects or lists inside each other."""
    opening, closing = ('{"a":', "}") if kind == "object" else ("[", "]")
    return opening * levels + "1" + closing * levels


class Free(Input):
    anything: JsonValue


@pytest.mark.parametrize("kind", ["object", "list"])
def test_free_json_is_taken_up_to_sixteen_levels(kind: str) -> None:
    deepest = f'{{"anything": {_nested(16, kind)}}}'
    assert parse_json(Free, deepest).anything is not None
    for levels in (17, 199):
        with pytest.raises(ValidationFailed, match="anything"):
            parse_json(Free, f'{{"anything": {_nested(levels, kind)}}}')
