"""Transactions of DynamoDB: several writes, all or none. They name what failed, and other processes may add to them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action, Update
from pynamodb.transactions import TransactWrite

from kernel.counters import Counter, summed
from kernel.dynamo import Key, Record, connection, key_attributes, raw_key_of
from kernel.errors import Collided

TRANSACTION_MAX_ACTIONS = 100


class Cancelled(Collided):
    """A transaction was not carried out. `failed` maps the labels of failed conditions to the records found there.

    `contended` is set if another transaction or throttling prevented it.
    """

    def __init__(self, failed: dict[str, Any], contended: bool) -> None:
        super().__init__(f"failed: {sorted(failed)}, contended: {contended}")
        self.failed = failed
        self.contended = contended


class RightMissing(Exception):
    """The function has no right to a write of the transaction, which another function had asked it to make."""


class Transaction:
    """Several writes, all or none; each has a label that names it if its condition fails.

    `commit` raises Cancelled for a failed condition or for contention with another transaction.
    """

    def __init__(self) -> None:
        self._write = TransactWrite(connection=connection())
        # PynamoDB sends checks, deletes, puts and updates in this order, and the reasons of a cancellation have the
        # same order.
        self._labels: dict[str, list[tuple[str, type[Record] | None]]] = {
            "check": [],
            "delete": [],
            "put": [],
            "update": [],
        }
        self._counters: list[Counter] = []

    def __len__(self) -> int:
        return sum(len(labels) for labels in self._labels.values()) + len(self._counters)

    def check(self, label: str, model: type[Record], key: Key, condition: Condition) -> None:
        self._stage("check", label, model, {"Key": raw_key_of(model, key)}, condition, found=False)

    def delete(self, label: str, record: Record, condition: Condition | None = None) -> None:
        self._stage("delete", label, type(record), {"Key": record.raw_key()}, condition, found=False)

    def put(self, label: str, record: Record, condition: Condition | None = None) -> None:
        self._stage("put", label, type(record), {"Item": record.serialize()}, condition)

    def update(self, label: str, record: Record, actions: list[Action], condition: Condition | None = None) -> None:
        self._stage("update", label, type(record), {"Key": record.raw_key()}, condition, actions)

    def _stage(
        self,
        kind: str,
        label: str,
        model: type[Record],
        about: dict[str, Any],
        condition: Condition | None,
        actions: Sequence[Action] = (),
        *,
        found: bool = True,
    ) -> None:
        """Add a write; with `found`, a failed condition brings the record that was found.

        Equivalent to PynamoDB's methods, which look each table's keys up and copy what they return.
        """
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        operation = {"TableName": model.Meta.table_name, **about}
        if condition is not None:
            operation["ConditionExpression"] = condition.serialize(names, values)
            if found:
                operation["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        if actions:
            operation["UpdateExpression"] = Update(*actions).serialize(names, values)
        if names:
            operation["ExpressionAttributeNames"] = {placeholder: name for name, placeholder in names.items()}
        if values:
            operation["ExpressionAttributeValues"] = values
        self._operations()[kind].append(operation)
        self._labels[kind].append((label, model))

    def count(self, label: str, model: type[Record], key: Key, steps: Mapping[str, int], condition: Condition) -> None:
        """Add to whole numbers of a record by their paths (`voters`, `counts.opt_1`); a missing one counts as 0.

        Steps of several callers for one record under the same condition become one write. DynamoDB allows no other
        write to that record in the transaction.
        """
        names: dict[str, str] = {}
        values: dict[str, Any] = {}
        text = condition.serialize(names, values)
        own = {placeholder: name for name, placeholder in names.items()}
        self._counters.append(
            Counter(label, model.Meta.table_name, raw_key_of(model, key), dict(steps), text, own, values)
        )

    def packed(self) -> list[dict[str, Any]]:
        """The writes as JSON values, for another process to `join`.

        Two writes to one `record` cannot be in one transaction, unless both have the same `sum`: those are counters,
        which become one write.
        """
        found = [
            {"kind": kind, "label": label, "record": _record_of(model, operation), "sum": None, "operation": operation}
            for kind, operations in self._operations().items()
            for (label, model), operation in zip(self._labels[kind], operations, strict=True)
        ]
        for each in self._counters:
            operation = asdict(each)
            record = json.dumps([each.table, each.key], sort_keys=True)
            packed = {"kind": "count", "label": each.label, "record": record, "sum": each.identity}
            found.append(packed | {"operation": operation})
        return found

    def join(self, packed: Sequence[Mapping[str, Any]]) -> None:
        """Add writes that other processes have packed."""
        for each in packed:
            if each["kind"] == "count":
                self._counters.append(Counter(**each["operation"]))
            else:
                self._operations()[each["kind"]].append(each["operation"])
                self._labels[each["kind"]].append((each["label"], None))

    def commit(self) -> None:
        for each in summed(self._counters):
            self._operations()["update"].append(each.operation())
            self._labels["update"].append((each.label, None))
        self._counters = []
        try:
            self._write._commit()
        except TransactWriteError as error:
            if error.cause_response_code == "AccessDeniedException":
                raise RightMissing from error
            if error.cause_response_code != "TransactionCanceledException":
                raise
            raise self._cancelled(error) from error

    def _operations(self) -> dict[str, list[dict[str, Any]]]:
        write = self._write
        every = write._condition_check_items, write._delete_items, write._put_items, write._update_items
        return dict(zip(self._labels, every, strict=True))

    def _cancelled(self, error: TransactWriteError) -> Cancelled:
        """The Cancelled for a cancelled transaction; raises the error itself if a write was invalid."""
        labels = [label for kind in self._labels.values() for label in kind]
        failed: dict[str, Any] = {}
        contended = False
        for (label, model), reason in zip(labels, error.cancellation_reasons, strict=False):
            if reason is None:
                continue
            if reason.code == "ConditionalCheckFailed":
                item = reason.raw_item
                failed[label] = model.from_raw_data(item) if model is not None and item else None
            elif reason.code == "ValidationError":
                raise error
            else:
                contended = True
        return Cancelled(failed, contended)


def _record_of(model: type[Record] | None, operation: Mapping[str, Any]) -> str:
    """The table and the key of an operation, as one text."""
    key = operation.get("Key")
    if key is None and model is not None:
        key = {each.attr_name: operation["Item"][each.attr_name] for each in key_attributes(model)}
    return json.dumps([operation["TableName"], key], sort_keys=True)
