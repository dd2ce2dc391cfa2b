"""Whole numbers of a DynamoDB record to which several callers add in one transaction.

DynamoDB refuses a transaction with two writes to one record, so the steps of all callers become one update.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True, slots=True)
class Counter:
    """Steps by path (`voters`, `counts.opt_1`) for the record with this raw key, under a DynamoDB condition expression.

    All fields are JSON values, so that another process can write them.
    """

    label: str
    table: str
    key: Mapping[str, Any]
    steps: Mapping[str, int]
    condition: str
    names: Mapping[str, str]
    values: Mapping[str, Any]

    @property
    def identity(self) -> str:
        """Equal for counters that can be merged into one update."""
        return json.dumps([self.table, self.key, self.condition, self.names, self.values], sort_keys=True)

    def operation(self) -> dict[str, Any]:
        """The update that adds the steps; a missing number counts as 0."""
        names, values, actions = dict(self.names), {**self.values, ":none": {"N": "0"}}, []
        for number, (path, step) in enumerate(self.steps.items()):
            parts = path.split(".")
            names |= {f"#s{number}_{depth}": part for depth, part in enumerate(parts)}
            values[f":s{number}"] = {"N": str(step)}
            place = ".".join(f"#s{number}_{depth}" for depth in range(len(parts)))
            actions.append(f"{place} = if_not_exists({place}, :none) + :s{number}")
        return {
            "TableName": self.table,
            "Key": dict(self.key),
            "UpdateExpression": f"SET {', '.join(actions)}",
            "ConditionExpression": self.condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }


def summed(counters: Iterable[Counter]) -> list[Counter]:
    """These counters, merged to one per record and condition."""
    found: dict[str, Counter] = {}
    for each in counters:
        known = found.get(each.identity)
        if known is None:
            found[each.identity] = each
            continue
        steps = dict(known.steps)
        for path, step in each.steps.items():
            steps[path] = steps.get(path, 0) + step
        found[each.identity] = replace(known, steps=steps)
    return list(found.values())
