"""Reads of several records in one round trip, whatever their tables, and of ranges of one table's rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.projection import create_projection_expression

from kernel import aws, deadline
from kernel.dynamo import Key, Record, connection, group_of, key_attributes, raw_key_of
from kernel.errors import DependencyUnavailable
from kernel.resilience import full_jitter

BATCH_GET_MAX_KEYS = 100
_UNPROCESSED_TRIES = 4

# The table of a record, and the values of its key in the order of their names.
Place = tuple[Any, ...]


def read_together(keys: Sequence[tuple[type[Record], Key]], *, consistent: bool = True) -> list[Any]:
    """Read records of any tables in one round trip per 100 keys; in the order of `keys`, None for missing ones."""
    found: dict[Place, Record] = {}
    places, wanted = _wanted(keys)
    pending = list(wanted.items())
    for start in range(0, len(pending), BATCH_GET_MAX_KEYS):
        _read_chunk(dict(pending[start : start + BATCH_GET_MAX_KEYS]), found, consistent)
    return [found.get(place) for place in places]


def read_beside(
    keys: Sequence[tuple[type[Record], Key]], beside: Sequence[tuple[type[Record], Key]]
) -> tuple[list[Any], dict[Key, Any]]:
    """`read_together(keys)`, and in the same round trip records that are read for speed only, by their keys.

    Those are of other tables and read eventually consistently. What DynamoDB leaves out of its answer is missing, and
    all of it if their breaker is not closed, if there are over 100 keys, or if the read of all fails; then `keys` are
    read alone.
    """
    groups = {group_of(model.Meta.table_name) for model, _ in beside}
    usable = all(aws.breaker_of("dynamodb", group).state == "closed" for group in groups)
    if not beside or not usable or len(keys) + len(beside) > BATCH_GET_MAX_KEYS:
        return read_together(keys), {}
    places, wanted = _wanted(keys)
    places_beside, wanted_beside = _wanted(beside)
    found: dict[Place, Record] = {}
    try:
        left_out = _read_chunk({**wanted, **wanted_beside}, found, True, frozenset(each[0] for each in places_beside))
    except DependencyUnavailable:
        return read_together(keys), {}
    read = {key: found.get(at) for (_, key), at in zip(beside, places_beside, strict=True) if at not in left_out}
    return [found.get(place) for place in places], read


def _wanted(
    keys: Sequence[tuple[type[Record], Key]],
) -> tuple[list[Place], dict[Place, tuple[type[Record], dict[str, Any]]]]:
    """The places of keys, in their order, and what to read there."""
    places, wanted = [], {}
    for model, key in keys:
        raw = raw_key_of(model, key)
        places.append(_place(model.Meta.table_name, raw, sorted(raw)))
        wanted[places[-1]] = (model, raw)
    return places, wanted


def _place(table: str, item: Mapping[str, Mapping[str, Any]], key_names: Sequence[str]) -> Place:
    return (table, *[part for name in key_names for part in item[name].values()])


def _read_chunk(
    chunk: Mapping[Place, tuple[type[Record], dict[str, Any]]],
    found: dict[Place, Record],
    consistent: bool,
    spared: frozenset[str] = frozenset(),
) -> set[Place]:
    """Read records into `found`. Tables in `spared` are read eventually consistently and once; returns the places there
    that DynamoDB has left out."""
    request: dict[str, Any] = {}
    left_out: set[Place] = set()
    for (table, *_), (_, raw) in chunk.items():
        strict = consistent and table not in spared
        request.setdefault(table, {"Keys": [], "ConsistentRead": strict})["Keys"].append(raw)
    key_names = {table: sorted(entry["Keys"][0]) for table, entry in request.items()}
    for attempt in range(_UNPROCESSED_TRIES):
        answer = connection().dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in answer["Responses"].items():
            for item in items:
                place = _place(table, item, key_names[table])
                found[place] = chunk[place][0].from_raw_data(item)
        request = answer.get("UnprocessedKeys") or {}
        for table in spared & request.keys():
            left_out |= {_place(table, raw, key_names[table]) for raw in request.pop(table)["Keys"]}
        if not request:
            return left_out
        deadline.pause(full_jitter(attempt, 0.02, 0.2))
    raise DependencyUnavailable(retry_after_s=1)


class RangeQuery:
    """A consistent query of ranges of one record's range key (a whole number), with one filter and some fields.

    It is prepared once for many calls. Its pages have raw items, as a record for each would take most of the time.
    """

    def __init__(self, model: type[Record], *, where: Condition, fields: list[str]) -> None:
        names: dict[str, str] = {}
        self._values: dict[str, Any] = {}
        self._key, self._range = key_attributes(model)
        self._request = {
            "TableName": model.Meta.table_name,
            "KeyConditionExpression": "#key = :key AND #range BETWEEN :first AND :last",
            "FilterExpression": where.serialize(names, self._values),
            "ProjectionExpression": create_projection_expression(fields, names),
            "ExpressionAttributeNames": {
                "#key": self._key.attr_name,
                "#range": self._range.attr_name,
                **{placeholder: name for name, placeholder in names.items()},
            },
            "ConsistentRead": True,
        }

    def pages(self, key: Any, first: int, last: int) -> Iterator[dict[str, Any]]:
        """The pages of the items with first ≤ range key ≤ last."""
        ends = {":first": first, ":last": last}
        request = {
            **self._request,
            "ExpressionAttributeValues": {
                **self._values,
                ":key": {self._key.attr_type: self._key.serialize(key)},
                **{name: {self._range.attr_type: self._range.serialize(end)} for name, end in ends.items()},
            },
        }
        while True:
            page = connection().dispatch("Query", request)
            yield page
            if not (start := page.get("LastEvaluatedKey")):
                return
            request["ExclusiveStartKey"] = start
