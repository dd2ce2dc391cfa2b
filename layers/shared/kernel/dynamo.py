"""DynamoDB: the connection and the base of all records; `kernel.reads` reads several in one round trip.

Only `store.py` modules (and the kernel's own tables) import PynamoDB models. Failures of DynamoDB become
`DependencyUnavailable`; stores turn failed conditions into errors of their domain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

import botocore.exceptions
from pynamodb.attributes import MapAttribute
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import NULL
from pynamodb.exceptions import (
    AttributeNullError,
    DeleteError,
    PutError,
    PynamoDBException,
    UpdateError,
)
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import MetaModel, Model

from kernel import aws
from kernel.config import config
from kernel.errors import DependencyUnavailable
from kernel.resilience import retried

R = TypeVar("R", bound="Record")
Key = tuple[Any, ...]

CONTENDED_TRIES = 4  # pauses of up to 0.02, 0.04 and 0.08 s between them; a transaction takes some hundredths
_CONTENDED = {"TransactionConflictException", "TransactionInProgressException"}
# Groups of tables by purpose, each with its own breaker; tables that name no group belong to the last.
GROUPS = ("access", "log", "rest")
_group_of_table: dict[str, str] = {}


def parts_asked(arguments: Mapping[str, Any]) -> Sequence[str]:
    """The groups of the tables that a DynamoDB call concerns."""
    table = arguments.get("TableName")
    if table is not None:
        return (group_of(table),)
    tables = arguments.get("RequestItems") or [
        operation["TableName"] for item in arguments.get("TransactItems", ()) for operation in item.values()
    ]
    return sorted({group_of(each) for each in tables}) or GROUPS[-1:]


def group_of(table: str) -> str:
    """The group of a table, by the full name of the table."""
    return _group_of_table.get(table.removeprefix(f"{config().stack}-"), GROUPS[-1])


aws.has_parts("dynamodb", parts_asked)


class _Contended(DependencyUnavailable):
    """A transaction is writing the record."""


class _SharedConnection(Connection):
    """One connection for all records, so that a process makes one client."""

    @property
    def client(self) -> Any:
        return aws.client("dynamodb")

    def dispatch(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """PynamoDB's method also asks for the consumed capacity and sends signals, to which nobody listens."""
        return self._make_api_call(operation_name, operation_kwargs)

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """A single write to a record that a transaction is writing is refused, and made again after it."""

        call = super()._make_api_call

        def attempt() -> dict[str, Any]:
            try:
                return call(operation_name, operation_kwargs)
            except botocore.exceptions.ClientError as error:
                if error.response["Error"]["Code"] in _CONTENDED:
                    raise _Contended(retry_after_s=1) from error
                raise

        return retried(attempt, on=_Contended, tries=CONTENDED_TRIES)


@lru_cache(maxsize=1)
def connection() -> Connection:
    """The shared connection of this process."""
    return _SharedConnection(region=config().region)


class TableName:
    """The name of a table, read from the configuration at first use, in place of PynamoDB's string."""

    def __init__(self, name: str, group: str = GROUPS[-1]) -> None:
        self._name = name
        _group_of_table[name] = group

    def __get__(self, _instance: object, _owner: type) -> str:
        return config().table(self._name)


class _Records(MetaModel):
    """Makes the `Meta` of a record from the arguments of its class statement."""

    def __new__(cls, name: str, bases: Any, namespace: Any, table: str = "", group: str = GROUPS[-1]) -> Any:
        if table:
            namespace["Meta"] = type("Meta", (), {"table_name": TableName(table, group)})
        return super().__new__(cls, name, bases, namespace)  # type: ignore[no-untyped-call]

    def __init__(cls, name: str, bases: Any, namespace: Any, **_: str) -> None:
        super().__init__(name, bases, namespace)


class Record(Model, metaclass=_Records):
    """The base of all PynamoDB models here. A subclass names its table: `class UserRecord(Record, table="users")`.

    `group` is the group of tables whose breaker it shares.
    """

    @classmethod
    def _get_connection(cls) -> TableConnection:
        table = super()._get_connection()
        shared = connection()
        if table.connection is not shared:
            with suppress(ValueError):  # another record of the same table has registered its keys
                shared.add_meta_table(table.get_meta_table())
            table.connection = shared
        return table

    @classmethod
    def from_raw_data(cls: type[R], data: dict[str, Any]) -> R:
        """The record of a DynamoDB item.

        Equivalent to PynamoDB's method, which looks up each name four times and sets defaults twice.
        """
        record = cls.__new__(cls)
        kept = record.attribute_values = {}
        for name, stored, attribute, default in _attributes(cls):
            raw = data.get(stored)
            if raw and NULL not in raw:
                kept[name] = attribute.deserialize(attribute.get_value(raw))
            elif default is not None:
                kept[name] = default() if callable(default) else default
        return record

    def serialize(self, null_check: bool = True) -> dict[str, dict[str, Any]]:
        """The record as a DynamoDB item.

        Equivalent to PynamoDB's method, which asks each value for its type, as records have no maps. Raises
        AttributeNullError, if `null_check`, for a missing value that may not be missing.
        """
        item: dict[str, dict[str, Any]] = {}
        for name, stored, attribute, _ in _attributes(type(self)):
            value = self.attribute_values.get(name)
            raw = None if value is None else attribute.serialize(value)
            if raw is not None:
                item[stored] = {attribute.attr_type: raw}
            elif null_check and not attribute.null:
                raise AttributeNullError(name)
        return item

    def raw_key(self) -> dict[str, Any]:
        """The key of the record as DynamoDB takes it."""
        return {
            stored: {attribute.attr_type: attribute.serialize(self.attribute_values[name])}
            for name, stored, attribute, _ in _attributes(type(self))
            if attribute.is_hash_key or attribute.is_range_key
        }

    @classmethod
    def find(cls: type[R], *key: Any, consistent: bool = True, only: Sequence[str] | None = None) -> R | None:
        """The record with this key, or None; with `only`, those attributes of it, None if it has none of them."""
        sort = key[1] if len(key) > 1 else None
        try:
            return cls.get(key[0], sort, consistent_read=consistent, attributes_to_get=only)
        except cls.DoesNotExist:
            return None

    @classmethod
    def start(cls, *key: Any) -> dict[str, Any]:
        """The `last_evaluated_key` for a query that starts after this key."""
        return raw_key_of(cls, key)

    @classmethod
    def delete_found(cls, *query: Any, limit: int | None = None, **more: Any) -> int:
        """Delete the records that a query finds (arguments as of `query`), 25 per round trip; returns how many.

        Only the keys are read. If the result equals `limit`, there may be more.
        """
        keys = [each.attr_name for each in key_attributes(cls)]
        more.update(attributes_to_get=keys, consistent_read=True, limit=limit)
        found = list(cls.query(*query, **more))
        cls.delete_all(found)
        return len(found)

    @classmethod
    def delete_all(cls: type[R], records: Iterable[R]) -> None:
        """Delete records by their keys, 25 per round trip; missing ones are fine."""
        with cls.batch_write() as batch:
            for record in records:
                batch.delete(record)

    def save_if(self, condition: Condition) -> bool:
        """Put the record if the stored one meets the condition; returns whether it was put."""
        return _unless_refused(lambda: self.save(condition=condition))

    def update_if(self, condition: Condition, *actions: Action) -> bool:
        """Update the record if the condition holds; returns whether it was. The object then has the stored values."""
        return _unless_refused(lambda: self.update(list(actions), condition=condition))

    def delete_if(self, condition: Condition) -> bool:
        """Delete the record if the condition holds; returns whether it was deleted."""
        return _unless_refused(lambda: self.delete(condition=condition))


@lru_cache(maxsize=256)
def _attributes(model: type[Record]) -> list[tuple[str, str, Any, Any]]:
    """For each attribute of a model: its name in Python, its name in the table, the attribute and its default.

    Raises TypeError for a MapAttribute, whose values PynamoDB converts when they are set; see `kernel.records`.
    """
    if any(isinstance(each, MapAttribute) for each in model.get_attributes().values()):
        raise TypeError(f"{model.__name__} has a MapAttribute")
    return [(name, each.attr_name, each, each.default) for name, each in model.get_attributes().items()]


@lru_cache(maxsize=256)
def key_attributes(model: type[Record]) -> list[Any]:
    """The key's attributes, the hash key first."""
    found = [each for each in model.get_attributes().values() if each.is_hash_key or each.is_range_key]
    return sorted(found, key=lambda each: each.is_range_key)


def _unless_refused(write: Callable[[], Any]) -> bool:
    try:
        write()
    except (PutError, UpdateError, DeleteError) as error:
        if not condition_failed(error):
            raise
        return False
    return True


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a single write was refused by its condition."""
    return error.cause_response_code == "ConditionalCheckFailedException"


def raw_key_of(model: type[Record], key: Key) -> dict[str, Any]:
    attributes = key_attributes(model)
    if len(attributes) != len(key):
        raise ValueError(f"the key of {model.__name__} has {len(attributes)} parts, not {len(key)}")
    return {each.attr_name: {each.attr_type: each.serialize(part)} for each, part in zip(attributes, key, strict=True)}
