"""Blobs in the bucket of this deployment: presigned forms and addresses, ranged reads, multipart uploads.

Addresses are signed with botocore's SigV4 without a client (no service model is loaded, 0.2 ms each). Reads are
ranges of a fixed size, so that memory does not grow with a blob.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Any, TypeVar
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, clock
from kernel.config import config
from kernel.errors import DependencyUnavailable

T = TypeVar("T")
CHUNK_BYTES = 8 * 1024 * 1024
MAX_PARTS_LISTED = 1_000  # what S3 lists at once; no upload here has more parts
_MISSING = {"404", "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "NotFound"}


class BlobMissing(Exception):
    """There is no such blob, version or upload."""


class PartsRefused(Exception):
    """The parts of an upload do not fit what has arrived."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored blob; `version` stays the same bytes for ever."""

    key: str
    version: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload that has arrived."""

    number: int
    size: int
    etag: str


# --- addresses that others use --------------------------------------------------------------------------------


def _url(key: str = "") -> str:
    settings = config()
    path = quote(key, safe="/~")
    if settings.aws_endpoint_url:
        return f"{settings.aws_endpoint_url}/{settings.blob_bucket}/{path}".rstrip("/")
    return f"https://{settings.aws_host(f'{settings.blob_bucket}.s3')}/{path}"


def form(key: str, *, size: int, content_type: str, sha256: str, expires_s: int) -> tuple[str, dict[str, str]]:
    """Where and with which fields to POST exactly this blob: key, size, type and checksum (hex) are in the policy."""
    from botocore.auth import S3SigV4PostAuth
    from botocore.awsrequest import AWSRequest

    fields = {
        "key": key,
        "Content-Type": content_type,
        "x-amz-checksum-algorithm": "SHA256",
        "x-amz-checksum-sha256": b64encode(bytes.fromhex(sha256)).decode(),
    }
    conditions: list[Any] = [{"bucket": config().blob_bucket}, ["content-length-range", size, size]]
    conditions += [{name: value} for name, value in fields.items()]
    ends = datetime.fromtimestamp(clock.now_s() + expires_s, UTC)
    request = AWSRequest("POST", _url())
    request.context["s3-presign-post-fields"] = fields
    request.context["s3-presign-post-policy"] = {
        "expiration": ends.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "conditions": conditions,
    }
    S3SigV4PostAuth(aws.credentials(), "s3", config().region).add_auth(request)
    return _url(), {name: str(value) for name, value in fields.items()}


def address(
    method: str, key: str, *, expires_s: int, query: Mapping[str, str] | None = None, size: int | None = None
) -> str:
    """A presigned URL for one method on one blob; everything in `query` is signed.

    With `size` the length of what is sent is signed too: S3 refuses a body of any other (SignatureDoesNotMatch).
    """
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    headers = {} if size is None else {"Content-Length": str(size)}
    request = AWSRequest(method, _url(key), headers=headers, params=dict(query or {}))
    S3SigV4QueryAuth(aws.credentials(), "s3", config().region, expires=expires_s).add_auth(request)
    return str(request.url)


def download(blob_key: str, version: str, *, name: str, content_type: str, expires_s: int) -> str:
    """A presigned URL that gives this version as an attachment of this name."""
    plain = "".join(char if char.isascii() and char.isprintable() and char not in '"\\;%' else "_" for char in name)
    disposition = f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    query = {"response-content-disposition": disposition, "response-content-type": content_type}
    return address("GET", blob_key, expires_s=expires_s, query={**_version(version, "versionId"), **query})


def _version(version: str, name: str = "VersionId") -> dict[str, str]:
    return {name: version} if version and version != "null" else {}


# --- calls ----------------------------------------------------------------------------------------------------


def _call(operation: str, **arguments: Any) -> Any:
    """One call of S3; raises BlobMissing, PartsRefused, DependencyUnavailable."""
    method: Callable[..., Any] = getattr(aws.client("s3"), operation)
    try:
        return method(Bucket=config().blob_bucket, **arguments)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _MISSING:
            raise BlobMissing(code) from error
        if code in ("InvalidPart", "InvalidPartOrder", "EntityTooSmall"):
            raise PartsRefused(code) from error
        raise DependencyUnavailable from error
    except BotoCoreError as error:
        raise DependencyUnavailable from error


def find(key: str, version: str = "") -> Blob | None:
    """The blob if it is there."""
    try:
        answer = _call("head_object", Key=key, **_version(version))
    except BlobMissing:
        return None
    return Blob(key, answer.get("VersionId") or "", int(answer["ContentLength"]))


def read(blob: Blob, first: int, length: int) -> bytes:
    """At most `length` bytes from `first` on; raises BlobMissing."""
    length = min(length, blob.size - first)
    if length <= 0:
        return b""
    span = f"bytes={first}-{first + length - 1}"
    answer = _call("get_object", Key=blob.key, Range=span, **_version(blob.version))
    started = time.monotonic()
    try:
        body: bytes = answer["Body"].read()
    except (BotoCoreError, OSError) as error:
        aws.breaker_of("s3").broke_off(time.monotonic() - started)
        raise DependencyUnavailable from error
    return body


def chunks(blob: Blob, size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The whole blob, `size` bytes at a time; one chunk is held at once."""
    for first in range(0, blob.size, size):
        yield read(blob, first, size)


def put(key: str, content: bytes, *, content_type: str) -> None:
    _call("put_object", Key=key, Body=content, ContentType=content_type)


def put_file(key: str, file: IO[bytes], *, content_type: str) -> None:
    """Store a file from where it stands, up to 5 GiB, without reading it into memory."""
    _call("put_object", Key=key, Body=file, ContentType=content_type)


def copy(source: str, target: str) -> None:
    """Copy a blob to another key, without its tags; raises BlobMissing.

    The copy is encrypted by S3 itself (SSE-S3): who may read it needs no right on the KMS key of the bucket.
    """
    _call(
        "copy_object",
        Key=target,
        CopySource={"Bucket": config().blob_bucket, "Key": source},
        TaggingDirective="REPLACE",
        ServerSideEncryption="AES256",
    )


def remove(key: str, version: str = "") -> None:
    """Delete a version for good, or hide the blob when none is named; one that is not there is fine."""
    try:
        _call("delete_object", Key=key, **_version(version))
    except BlobMissing:
        return


def remove_below(prefix: str) -> int:
    """Delete every version of every blob whose key begins so, for good; how many there were."""
    removed = 0
    while True:
        answer = _call("list_object_versions", Prefix=prefix, MaxKeys=500)
        found = [*answer.get("Versions", ()), *answer.get("DeleteMarkers", ())]
        for each in found:
            remove(each["Key"], each["VersionId"])
        removed += len(found)
        if not found:
            return removed


def tags(blob: Blob) -> dict[str, str]:
    answer = _call("get_object_tagging", Key=blob.key, **_version(blob.version))
    return {each["Key"]: each["Value"] for each in answer["TagSet"]}


# --- uploads in parts -----------------------------------------------------------------------------------------


def begin(key: str, *, content_type: str) -> str:
    """Begin an upload in parts; returns its id."""
    return str(_call("create_multipart_upload", Key=key, ContentType=content_type)["UploadId"])


def part_address(key: str, upload_id: str, number: int, *, size: int, expires_s: int) -> str:
    """Where to PUT one part of exactly so many bytes: no more than was reserved is ever stored (R31)."""
    query = {"partNumber": str(number), "uploadId": upload_id}
    return address("PUT", key, expires_s=expires_s, query=query, size=size)


def parts(key: str, upload_id: str) -> list[Part]:
    """The parts that have arrived; raises BlobMissing when the upload has ended."""
    answer = _call("list_parts", Key=key, UploadId=upload_id, MaxParts=MAX_PARTS_LISTED)
    return [Part(each["PartNumber"], int(each["Size"]), each["ETag"].strip('"')) for each in answer.get("Parts", ())]


def finish(key: str, upload_id: str, arrived: Sequence[Part]) -> None:
    """Make one blob of the parts; raises BlobMissing when the upload has ended, PartsRefused."""
    listed = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in arrived]
    _call("complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed})


def abort(key: str, upload_id: str) -> None:
    """Give up an upload in parts; one that has ended is fine."""
    try:
        _call("abort_multipart_upload", Key=key, UploadId=upload_id)
    except BlobMissing:
        return
