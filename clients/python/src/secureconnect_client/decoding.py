"""Converts JSON objects to frozen dataclasses.

Lenient on purpose: a newer server must not break an older client.

Unknown fields are ignored, and missing or null ones keep the dataclass's default; no data raises an error.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Hashable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

T = TypeVar("T")


def decode(cls: type[T], data: object) -> T:
    """A dataclass, whose fields all have defaults, from a JSON object; the defaults from any other value."""
    source = data if isinstance(data, Mapping) else {}
    given = {
        name: _convert(hint, source[name])
        for name, hint in _hints(typing.cast(Hashable, cls)).items()
        if source.get(name) is not None
    }
    return cls(**given)


def decode_all(cls: type[T], items: object) -> tuple[T, ...]:
    """Dataclasses from a JSON array."""
    return tuple(decode(cls, each) for each in items) if isinstance(items, list) else ()


def parse_time(value: object) -> datetime | None:
    """The time in an RFC 3339 text, None for anything else."""
    if not isinstance(value, str):
        return None
    try:
        parsed = datetime.fromisoformat(value)
    except ValueError:
        return None
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)


@functools.cache
def _hints(cls: Hashable) -> dict[str, Any]:
    assert isinstance(cls, type)
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in dataclasses.fields(cls) if each.init}


def _convert(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin is typing.Union or origin is types.UnionType:
        hint = next(each for each in typing.get_args(hint) if each is not type(None))
        origin = typing.get_origin(hint)
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_convert(inner, each) for each in value) if isinstance(value, list) else ()
    if hint is datetime:
        return parse_time(value)
    if dataclasses.is_dataclass(hint):
        return decode(typing.cast(type, hint), value)
    return value
