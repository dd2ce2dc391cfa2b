"""Pydantic bases of requests (unknown fields are refused) and answers, the kinds of text, and validation errors.

A model's validator is built at first use, because a function imports more models than it uses.
"""

import math
import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationError

from kernel import clock, text
from kernel.errors import FieldError, MalformedJson, Problem, ValidationFailed

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

# Pydantic's words for a text, or a list made of one, that is checked or changed before its length is.
_LENGTH = re.compile(r"^Value should have at (most|least) (\d+) items? after validation")


class Input(BaseModel):
    """A request body: strict types, no unknown fields."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, hide_input_in_errors=True, defer_build=True, allow_inf_nan=False
    )


class NoFields(Input):
    """The body of routes that need none: it may be absent or an empty object."""


class Query(BaseModel):
    """A query string; unknown names are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True, defer_build=True, allow_inf_nan=False)


class Output(BaseModel):
    """An answer, made from plain values with the same field names. Its validation errors show no values (R42)."""

    model_config = ConfigDict(from_attributes=True, extra="forbid", hide_input_in_errors=True, defer_build=True)


# --- kinds of text: each text field of the API names one, which a test checks ---------------------------------


def _no_nul(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain the NUL character")
    return value


JSON_MAX_DEPTH = 16


def _readable(value: Any) -> Any:
    """Free-form JSON of limited depth, without NaN and infinity.

    It goes to stores and other parsers; RFC 8259 forbids those numbers, but our parser accepts them.
    """
    level = [value]
    for _ in range(JSON_MAX_DEPTH):
        if not all(map(_is_json, level)):
            raise ValueError("must hold neither NaN nor a number without end")
        level = [inner for each in level for inner in _inside(each)]
        if not level:
            return value
    if any(isinstance(each, dict | list) for each in level):
        raise ValueError(f"must not be more than {JSON_MAX_DEPTH} levels deep")
    return value


def _is_json(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else []


JsonValue = Annotated[Any, AfterValidator(_readable)]
JsonObject = Annotated[dict[str, Any], AfterValidator(_readable)]


def _body(value: str) -> str:
    if not text.shows(_no_nul(value)):
        raise ValueError("must show something: it is empty, or only spaces and invisible characters")
    return value


def _note(value: str) -> str:
    return _body(value) if value else value


def _one_line(value: str) -> str:
    if not text.is_one_line(value):
        raise ValueError("must be one line without control characters and changes of reading direction")
    return unicodedata.normalize("NFC", _body(value))


def _kind(name: str) -> Any:
    return Field(json_schema_extra={"x-text-kind": name})


# Written text: several lines, with something visible.
Body = Annotated[str, AfterValidator(_body), _kind("body")]
# Written text that may be empty: a description, a biography.
Note = Annotated[str, AfterValidator(_note), _kind("note")]
# Names of people, groups, devices, folders and files: one visible line in NFC, without changes of reading direction.
Name = Annotated[str, AfterValidator(_one_line), _kind("name")]
# One of several texts to choose from, which readers must be able to tell apart (`text.sameness`).
Label = Annotated[str, AfterValidator(_one_line), _kind("label")]
Handle = Annotated[str, _kind("handle")]
# A search query.
SearchText = Annotated[str, AfterValidator(_no_nul), _kind("query")]
# Texts that machines generate and compare byte by byte, and nobody reads: client ids, tokens, ciphertext.
Opaque = Annotated[str, AfterValidator(_no_nul), _kind("opaque")]
# Passwords: no character is refused or changed.
Secret = Annotated[str, _kind("opaque")]
Id = Annotated[str, Field(min_length=1, max_length=40), _kind("id")]
# An id that a client chooses, as for its device; `require_given_id` checks one in a path.
GIVEN_ID = r"^[A-Za-z0-9._~-]{1,40}$"
GivenId = Annotated[str, Field(pattern=GIVEN_ID)]
# A count, a version or a read position: at most the largest integer that JavaScript counts exactly.
Count = Annotated[int, Field(ge=0, le=2**53)]
# A position in a log or a claimed size: it may lie far beyond the existing ones.
Beyond = Annotated[int, Field(ge=0, lt=2**63)]
ClientId = Annotated[Opaque, Field(min_length=1, max_length=64)]
Instant = Annotated[
    int, PlainSerializer(clock.rfc3339, return_type=str), Field(json_schema_extra={"format": "date-time"})
]


def _instant(value: object) -> int:
    if not isinstance(value, str) or len(value) > 40:
        raise ValueError("must be an RFC 3339 time with its zone")
    return clock.parse(value)


def _split(given: Any) -> list[str]:
    parts = [given] if isinstance(given, str) else given
    return list(dict.fromkeys(each for part in parts for each in str(part).split(",") if each))


# Ids in a query string, separated by commas or repeated.
Ids = Annotated[list[Id], BeforeValidator(_split)]
InstantIn = Annotated[
    int, BeforeValidator(_instant, json_schema_input_type=str), Field(json_schema_extra={"format": "date-time"})
]


def _since_1970(value: int) -> int:
    if value < 0:
        raise ValueError("must not be before 1970")
    return value


# Not `Field(ge=0)`: behind a validator pydantic writes that into the JSON schema as `ge`, which is no keyword there.
InstantSince1970 = Annotated[InstantIn, AfterValidator(_since_1970)]
M = TypeVar("M", bound=BaseModel)


class Paging(Query):
    """`?limit=&cursor=` of every list."""

    limit: int = Field(default=50, ge=1, le=100)
    cursor: Opaque | None = None


def is_given_id(text: str) -> bool:
    """Whether a text has the form of an id that a client chooses."""
    return re.fullmatch(GIVEN_ID, text) is not None


def require_given_id(field: str, text: str) -> str:
    """An id that a client chooses; raises ValidationFailed, naming `field`."""
    if not is_given_id(text):
        raise ValidationFailed.of(field, "1 to 40 letters, digits and . _ ~ -")
    return text


def absent() -> Any:
    """The `default_factory` of fields that may be missing but not null; only fields that were set are read."""


def as_json(model: type[BaseModel], value: Any) -> dict[str, Any]:
    """A value in the form in which the API shows it."""
    return model.model_validate(value).model_dump(mode="json")


def parse_json(model: type[M], raw: str | bytes) -> M:
    """The body as a model; raises MalformedJson, or ValidationFailed naming each field."""
    try:
        return model.model_validate_json(raw)
    except ValidationError as error:
        raise _problem(error) from error


def parse_query(model: type[M], values: dict[str, Any]) -> M:
    """Query parameters as a model; raises ValidationFailed."""
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise _problem(error) from error


def _problem(error: ValidationError) -> Problem:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if found[0]["type"] == "json_invalid":
        return MalformedJson()
    errors = [FieldError(".".join(str(part) for part in item["loc"]) or "body", _message(item)) for item in found[:20]]
    names = ", ".join(dict.fromkeys(item.field for item in errors))
    return ValidationFailed(f"Wrong, missing or unknown: {names}.", errors=errors)


def _message(item: "ErrorDetails") -> str:
    """What is wrong with a field, without pydantic's words for itself."""
    message = item["msg"].removeprefix("Value error, ")
    return _LENGTH.sub(r"Value should have a length of at \1 \2", message).replace(" after validation", "")
