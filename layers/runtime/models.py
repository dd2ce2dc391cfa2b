"""Cuts botocore's models of AWS services down to the operations that functions call.

botocore reads the whole model of a service to make a client: DynamoDB's has 57 operations with their documentation, of
which eight are used, and the list of endpoints has 1.2 MB for four hundred services. The small models are made from
botocore's own files when the layer is built. Calling an operation that is missing here fails with AttributeError or
OperationNotFoundError.
"""

import gzip
import json
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

OPERATIONS: dict[str, Collection[str]] = {
    "dynamodb": (
        *("GetItem", "BatchGetItem", "Query", "Scan", "PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem"),
        *("TransactGetItems", "TransactWriteItems"),
    ),
    "kms": ("Encrypt", "Decrypt", "DescribeKey"),
    "s3": (
        *("HeadBucket", "HeadObject", "GetObject", "GetObjectTagging", "PutObject", "CopyObject", "DeleteObject"),
        *("ListObjectVersions", "CreateMultipartUpload", "UploadPart", "UploadPartCopy", "ListParts"),
        *("CompleteMultipartUpload", "AbortMultipartUpload"),
    ),
    "secretsmanager": ("GetSecretValue", "DescribeSecret"),
    "sqs": ("SendMessage", "SendMessageBatch", "ChangeMessageVisibility", "GetQueueAttributes", "ListQueues"),
    "stepfunctions": ("StartExecution", "StopExecution", "DescribeStateMachine", "ListExecutions"),
}
# The list of endpoints gives their addresses too, and botocore uses it for services without rules.
WITHOUT_RULES = ("dynamodb", "kms", "secretsmanager", "sqs", "stepfunctions")
_RULES = "endpoint-rule-set-1.json.gz"
_MODEL = "service-2.json.gz"
_PROSE = ("documentation", "documentationUrl", "examples")


class NoSuchOperation(Exception):
    """A service has no operation with this name."""


def cut_down(data: Path, services: Collection[str]) -> None:
    """Cut down the models of these services in botocore's `data` folder. Raises NoSuchOperation."""
    hosts = {_read(_newest(data, service) / _MODEL)["metadata"]["endpointPrefix"] for service in services}
    for service, operations in OPERATIONS.items():
        newest = _newest(data, service)
        for older in set((data / service).iterdir()) - {newest}:
            shutil.rmtree(older)
        whole = _read(newest / _MODEL)
        (newest / _MODEL.removesuffix(".gz")).write_text(_compact(only(whole, operations)))
        (newest / _MODEL).unlink()
        if service not in WITHOUT_RULES:
            (newest / _RULES.removesuffix(".gz")).write_text(_compact(_read(newest / _RULES)))
        (newest / _RULES).unlink()
    endpoints = json.loads((data / "endpoints.json").read_text())
    (data / "endpoints.json").write_text(_compact(_endpoints_of(endpoints, hosts)))


def only(model: dict[str, Any], operations: Collection[str]) -> dict[str, Any]:
    """A service's model with these operations and the shapes they use. Raises NoSuchOperation."""
    missing = sorted(set(operations) - set(model["operations"]))
    if missing:
        raise NoSuchOperation(", ".join(missing))
    kept = {name: model["operations"][name] for name in operations}
    shapes: dict[str, Any] = {}
    waiting = list(_shapes_in(kept))
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _shapes_in(shapes[name])
    return {**model, "operations": _without_prose(kept), "shapes": _without_prose(shapes)}


def _shapes_in(value: Any) -> Iterator[str]:
    """The names of the shapes to which an operation or a shape refers."""
    if isinstance(value, dict):
        if isinstance(value.get("shape"), str):
            yield value["shape"]
        value = list(value.values())
    for inner in value if isinstance(value, list) else ():
        yield from _shapes_in(inner)


def _without_prose(value: Any) -> Any:
    if isinstance(value, dict):
        kept = {name: each for name, each in value.items() if name not in _PROSE or not isinstance(each, str)}
        return {name: _without_prose(each) for name, each in kept.items()}
    return [_without_prose(each) for each in value] if isinstance(value, list) else value


def _endpoints_of(endpoints: dict[str, Any], hosts: Collection[str]) -> dict[str, Any]:
    """The list of endpoints, reduced to the services with these host names."""
    partitions = [
        {**each, "services": {name: found for name, found in each["services"].items() if name in hosts}}
        for each in endpoints["partitions"]
    ]
    return {**endpoints, "partitions": partitions}


def _newest(data: Path, service: str) -> Path:
    return max((data / service).iterdir())  # the folders' names are dates


def _read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return found


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
