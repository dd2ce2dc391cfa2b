"""Records as values: attributes with the types of the values' fields, and a mapper between records and values.

A store declares its records' attributes with the types of this module, and a `Mapper` for each kind of value that they
hold; no PynamoDB object leaves the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import MISSING, Field, asdict, fields
from typing import Any, Generic, TypeVar, cast

from pynamodb.attributes import Attribute
from pynamodb.constants import MAP, NUMBER, STRING, STRING_SET
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from kernel.dynamo import Record

R = TypeVar("R", bound=Record)
T = TypeVar("T")
V = TypeVar("V")


# --- attributes -----------------------------------------------------------------------------------------------


class IntegerAttribute(Attribute[int]):
    """A whole number."""

    attr_type = NUMBER

    def serialize(self, value: Any) -> str:
        return str(int(value))

    def deserialize(self, value: Any) -> int:
        return int(value)


class NamesAttribute(Attribute[frozenset[str]]):
    """A set of texts. DynamoDB stores no empty sets: a missing attribute reads as an empty set."""

    attr_type = STRING_SET

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"null": True, "default": frozenset, **options})

    def serialize(self, value: Any) -> list[str] | None:
        return sorted(value) or None

    def deserialize(self, value: Any) -> frozenset[str]:
        return frozenset(value)


class CountsAttribute(Attribute[dict[str, int]]):
    """A map of whole numbers by name, each of which can be updated by itself (`Record.counts[name]`)."""

    attr_type = MAP

    def serialize(self, value: Any) -> dict[str, Any]:
        return {name: {NUMBER: str(int(number))} for name, number in value.items()}

    def deserialize(self, value: Any) -> dict[str, int]:
        return {name: int(number[NUMBER]) for name, number in value.items()}


class EntriesAttribute(Attribute[dict[str, dict[str, Any]]]):
    """A map of objects by name, whose fields are texts and whole numbers, each of which can be updated by itself
    (`Record.entries[name]["field"]`)."""

    attr_type = MAP

    def serialize(self, value: Any) -> dict[str, Any]:
        return {
            name: {
                MAP: {
                    field: {NUMBER: str(each)} if isinstance(each, int) else {STRING: each}
                    for field, each in entry.items()
                }
            }
            for name, entry in value.items()
        }

    def deserialize(self, value: Any) -> dict[str, dict[str, Any]]:
        return {
            name: {field: int(each[NUMBER]) if NUMBER in each else each[STRING] for field, each in entry[MAP].items()}
            for name, entry in value.items()
        }


class ValueAttribute(Attribute[T]):
    """A value stored as JSON text: `read` makes it from the parsed JSON, `write` converts it back."""

    attr_type = STRING

    def __init__(self, read: Callable[[Any], T], write: Callable[[Any], Any] = asdict, **options: Any) -> None:
        super().__init__(**options)
        self._read, self._write = read, write

    def serialize(self, value: Any) -> str:
        return json.dumps(self._write(value))

    def deserialize(self, value: Any) -> T:
        return self._read(json.loads(value))


def index(**keys: Attribute[Any]) -> GlobalSecondaryIndex[Any]:
    """A global secondary index with these key attributes. Its name is that of the record's attribute it is assigned to,
    and what it holds besides keys is in the template (infra/data.yaml)."""
    meta = type("Meta", (), {"projection": AllProjection()})
    made: GlobalSecondaryIndex[Any] = type("Index", (GlobalSecondaryIndex,), {"Meta": meta, **keys})()
    return made


def known_fields(value_type: Callable[..., V]) -> Callable[[Mapping[str, Any]], V]:
    """A function that makes a dataclass from a JSON object, ignoring fields that a later version has added."""
    names = {field.name for field in fields(cast(Any, value_type))}
    return lambda kept: value_type(**{name: value for name, value in kept.items() if name in names})


# --- values ---------------------------------------------------------------------------------------------------


class Mapper(Generic[R, V]):
    """Converts records to dataclasses and back.

    A field is stored in the attribute with its name, or in the one that `renamed` gives. `computed` fields are computed
    from the whole record instead, for example from its key; the caller of `record` then passes the key. A field whose
    attribute is missing gets its default, or None if it has none.
    """

    def __init__(
        self,
        record: type[R],
        value: Callable[..., V],
        *,
        renamed: Mapping[str, str] | None = None,
        **computed: Callable[[R], Any],
    ) -> None:
        self._record, self._value = record, value
        attributes = record.get_attributes()
        names = {each.name: (renamed or {}).get(each.name, each.name) for each in fields(cast(Any, value))}
        self._stored = {field: name for field, name in names.items() if field not in computed}
        if unknown := set(self._stored.values()) - set(attributes):
            raise TypeError(f"{record.__name__} has no attribute {', '.join(sorted(unknown))}")
        self._readers = [
            (each.name, self._stored.get(each.name), computed.get(each.name), _default(each))
            for each in fields(cast(Any, value))
        ]

    def value(self, record: R) -> V:
        """The value that a record holds."""
        kept = record.attribute_values
        given: dict[str, Any] = {}
        for field, attribute, compute, default in self._readers:
            found = kept.get(attribute) if attribute is not None else compute(record) if compute is not None else None
            given[field] = default() if found is None and default is not None else found
        return self._value(**given)

    def found(self, record: R | None) -> V | None:
        """The value of a record, None for None."""
        return None if record is None else self.value(record)

    def values(self, records: Iterable[R | None]) -> list[V]:
        """The values of the records that are not None."""
        return [self.value(each) for each in records if each is not None]

    def attributes(self, value: V) -> dict[str, Any]:
        """The stored attributes of a value, by name."""
        return {attribute: getattr(value, field) for field, attribute in self._stored.items()}

    def record(self, value: V, *key: Any, **more: Any) -> R:
        """The record of a value, with `key` if its fields do not give one, and with `more` attributes."""
        return self._record(*key, **{**self.attributes(value), **more})

    def changes(self, before: V, after: V, *, but: Collection[str] = ()) -> list[Action]:
        """The update actions that turn the record of `before` into that of `after`, except for the fields in `but`."""
        attributes = self._record.get_attributes()
        return [
            set_or_remove(attributes[attribute], now)
            for field, attribute in self._stored.items()
            if field not in but and (now := getattr(after, field)) != getattr(before, field)
        ]


def _default(field: Field[Any]) -> Callable[[], Any] | None:
    if field.default_factory is not MISSING:
        return field.default_factory
    if field.default is MISSING or field.default is None:
        return None
    default = field.default
    return lambda: default


def set_or_remove(attribute: Any, value: Any) -> Action:
    """The action that sets an attribute, or a part of one, to a value; None removes it."""
    action: Action = attribute.remove() if value is None else attribute.set(value)
    return action
