"""Point-in-time recovery of the local cloud's tables as in AWS.

MiniStack restores a table to its present state, whatever time is requested, even if the table has no recovery. Here
each change of a table with recovery is kept in memory with the previous item, for as long as the process runs (AWS: up
to 35 days); in a restored copy all changes after the requested time are undone. Times are exact to the second, as in
AWS; unlike there, the present is allowed (AWS: up to 5 minutes ago).
"""

import importlib
import json
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from infra.local.patching import wrap

MODULE = "ministack.services.dynamodb"
KEPT = 500_000  # changes per table

Item = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]

_since: dict[str, float] = {}  # the start of each table's recovery
_changes: dict[str, deque[tuple[float, Item, Item | None]]] = {}  # the time, the key, the previous item


def apply() -> None:
    wrap(MODULE, "_emit_stream_event", _kept)
    wrap(MODULE, "_delete_table", _forgetting)
    wrap(MODULE, "_update_continuous_backups", _noting_since_when)
    wrap(MODULE, "_describe_continuous_backups", _telling_since_when)
    wrap(MODULE, "_restore_table_to_point_in_time", _at_its_time)


def _kept(emit: Callable[..., None]) -> Callable[..., None]:
    store = importlib.import_module(MODULE)

    def emitting(table_name: str, kind: str, old: Item | None, new: Item | None, *rest: Any, **options: Any) -> None:
        changes = _changes.get(table_name)
        if changes is not None and table_name in store._tables:
            key = store._extract_key_from_item(store._tables[table_name], new or old)
            changes.append((time.time(), key, old))
            if len(changes) == KEPT:
                _since[table_name] = changes[0][0]
        emit(table_name, kind, old, new, *rest, **options)

    return emitting


def _forgetting(delete: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    def deleting(data: Any) -> Answer:
        answer = delete(data)
        if answer[0] == 200:
            _forget(data["TableName"])
        return answer

    return deleting


def _forget(name: str) -> None:
    _since.pop(name, None)
    _changes.pop(name, None)


def _noting_since_when(update: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    def updating(data: Any) -> Answer:
        answer, name = update(data), data["TableName"]
        if answer[0] == 200:
            if not data["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"]:
                _forget(name)
            elif name not in _since:
                _since[name], _changes[name] = time.time(), deque(maxlen=KEPT)
        return answer

    return updating


def _telling_since_when(describe: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    def describing(data: Any) -> Answer:
        answer, name = describe(data), data["TableName"]
        if answer[0] != 200:
            return answer
        described = json.loads(answer[2])
        recovery = described["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        recovery["PointInTimeRecoveryStatus"] = "ENABLED" if name in _since else "DISABLED"
        if name in _since:
            recovery |= {"EarliestRestorableDateTime": _since[name], "LatestRestorableDateTime": time.time()}
        return answer[0], answer[1], json.dumps(described).encode()

    return describing


def _at_its_time(restore: Callable[[Any], Answer]) -> Callable[[Any], Answer]:
    store = importlib.import_module(MODULE)

    def restoring(data: Any) -> Answer:
        source, target = (
            data.get("SourceTableName") or data["SourceTableArn"].rpartition("/")[2],
            data["TargetTableName"],
        )
        if source in store._tables and source not in _since:
            refusal = f"Point in time recovery is not enabled for table '{source}'"
            return _refused("PointInTimeRecoveryUnavailableException", refusal)
        at = time.time() if data.get("UseLatestRestorableTime") else float(data["RestoreDateTime"])
        if source in _since and not int(_since[source]) <= at <= time.time():
            return _refused("InvalidRestoreTimeException", "RestoreDateTime is out of range")
        answer = restore(data)
        if answer[0] == 200:
            table = store._tables[target]
            for when, key, before in reversed(list(_changes[source])):
                if when <= at:
                    break
                _put(store, table, key, before)
            store._items_replaced(table)
        return answer

    return restoring


def _put(store: Any, table: Item, key: Item, item: Item | None) -> None:
    part = store._extract_key_val(key[table["pk_name"]])
    place = store._extract_key_val(key[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
    if item is None:
        table["items"].get(part, {}).pop(place, None)
    else:
        table["items"].setdefault(part, {})[place] = item


def _refused(kind: str, message: str) -> Answer:
    answer: Answer = importlib.import_module("ministack.core.responses").error_response_json(kind, message, 400)
    return answer
