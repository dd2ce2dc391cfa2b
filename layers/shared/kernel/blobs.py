"""Blobs in the deployment's bucket: presigned forms and URLs, ranged reads, multipart uploads.

URLs are signed with botocore's SigV4 without a client (0.2 ms each, no service model is loaded). Reads are ranges of a
fixed size, so that memory does not grow with the size of a blob.
"""

from __future__ import annotations

import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws, clock
from kernel.config import config
from kernel.errors import DependencyUnavailable

T = TypeVar("T")
CHUNK_BYTES = 8 * 1024 * 1024
PART_BYTES = 64 * 1024 * 1024  # of a blob that is written here: S3 takes 10,000 parts of at least 5 MiB
MAX_PARTS_LISTED = 1_000  # the most that S3 lists at once; no upload here has more parts
_MISSING = {"404", "NoSuchKey", "NoSuchVersion", "NoSuchUpload", "NotFound"}


class BlobMissing(Exception):
    """The blob, version or upload does not exist."""


class PartsRefused(Exception):
    """S3 refused to complete an upload with these parts."""


@dataclass(frozen=True, slots=True)
class Blob:
    """A stored blob; the bytes of a `version` never change."""

    key: str
    version: str
    size: int


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part; `size` in bytes."""

    number: int
    size: int
    etag: str


# --- presigned URLs -------------------------------------------------------------------------------------------


def _url(key: str = "") -> str:
    settings = config()
    path = quote(key, safe="/~")
    if settings.aws_endpoint_url:
        return f"{settings.aws_endpoint_url}/{settings.blob_bucket}/{path}".rstrip("/")
    return f"https://{settings.aws_host(f'{settings.blob_bucket}.s3')}/{path}"


def form(key: str, *, size: int, content_type: str, sha256: str, expires_s: int) -> tuple[str, dict[str, str]]:
    """The URL and the fields to POST exactly this blob.

    The policy fixes key, size in bytes, content type and checksum (`sha256` in hex).
    """
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

    `size` also signs the length of the body: S3 refuses any other length (SignatureDoesNotMatch).
    """
    from botocore.auth import S3SigV4QueryAuth
    from botocore.awsrequest import AWSRequest

    headers = {} if size is None else {"Content-Length": str(size)}
    request = AWSRequest(method, _url(key), headers=headers, params=dict(query or {}))
    S3SigV4QueryAuth(aws.credentials(), "s3", config().region, expires=expires_s).add_auth(request)
    return str(request.url)


def download(blob_key: str, version: str, *, name: str, content_type: str, expires_s: int) -> str:
    """A presigned URL that downloads this version as an attachment with this name."""
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
    """The blob if it exists."""
    try:
        answer = _call("head_object", Key=key, **_version(version))
    except BlobMissing:
        return None
    return Blob(key, answer.get("VersionId") or "", int(answer["ContentLength"]))


def read(blob: Blob, first: int, length: int) -> bytes:
    """At most `length` bytes from offset `first`; raises BlobMissing."""
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
    """The whole blob in chunks of `size` bytes, one of which is in memory at a time."""
    for first in range(0, blob.size, size):
        yield read(blob, first, size)


def put(key: str, content: bytes, *, content_type: str) -> None:
    _call("put_object", Key=key, Body=content, ContentType=content_type)


def copy(source: str, target: str) -> None:
    """Copy a blob to another key, without its tags; raises BlobMissing.

    S3 encrypts the copy with its own key (SSE-S3), so readers need no right to the KMS key of the bucket.
    """
    _call(
        "copy_object",
        Key=target,
        CopySource={"Bucket": config().blob_bucket, "Key": source},
        TaggingDirective="REPLACE",
        ServerSideEncryption="AES256",
    )


def remove(key: str, version: str = "") -> None:
    """Delete a version permanently, or hide the blob if no version is given; a missing one is fine."""
    try:
        _call("delete_object", Key=key, **_version(version))
    except BlobMissing:
        return


def remove_below(prefix: str) -> int:
    """Permanently delete all versions of all blobs whose key starts with `prefix`; returns how many there were."""
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


# --- multipart uploads ----------------------------------------------------------------------------------------


def begin(key: str, *, content_type: str) -> str:
    """Begin a multipart upload; returns its id."""
    return str(_call("create_multipart_upload", Key=key, ContentType=content_type)["UploadId"])


def part_address(key: str, upload_id: str, number: int, *, size: int, expires_s: int) -> str:
    """The URL to PUT one part of exactly `size` bytes, so that no more than was reserved can be stored (R31)."""
    query = {"partNumber": str(number), "uploadId": upload_id}
    return address("PUT", key, expires_s=expires_s, query=query, size=size)


def parts(key: str, upload_id: str) -> list[Part]:
    """The uploaded parts; raises BlobMissing if the upload has ended."""
    answer = _call("list_parts", Key=key, UploadId=upload_id, MaxParts=MAX_PARTS_LISTED)
    return [Part(each["PartNumber"], int(each["Size"]), each["ETag"].strip('"')) for each in answer.get("Parts", ())]


def finish(key: str, upload_id: str, arrived: Sequence[Part]) -> None:
    """Complete the upload to one blob; raises BlobMissing if the upload has ended, PartsRefused."""
    listed = [{"PartNumber": part.number, "ETag": f'"{part.etag}"'} for part in arrived]
    _call("complete_multipart_upload", Key=key, UploadId=upload_id, MultipartUpload={"Parts": listed})


def abort(key: str, upload_id: str) -> None:
    """Abort a multipart upload; one that has ended is fine."""
    try:
        _call("abort_multipart_upload", Key=key, UploadId=upload_id)
    except BlobMissing:
        return


class BlobWriter:
    """A file that is only written to, one after another: its bytes become parts of a multipart upload."""

    def __init__(self, key: str, upload_id: str) -> None:
        self._key, self._upload_id = key, upload_id
        self._waiting = bytearray()
        self._parts: list[Part] = []
        self.size = 0  # bytes written

    def write(self, content: bytes) -> int:
        self._waiting += content
        self.size += len(content)
        while len(self._waiting) >= PART_BYTES:
            self._send(PART_BYTES)
        return len(content)

    def flush(self) -> None:
        """Does nothing: a part before the last one has at least 5 MiB."""

    def finish(self) -> None:
        """Send what is left and complete the upload; raises BlobMissing, PartsRefused."""
        self._send(len(self._waiting))
        try:
            finish(self._key, self._upload_id, self._parts)
        except BlobMissing:  # a first try has completed it, and its answer did not come
            if find(self._key) is None:
                raise

    def _send(self, length: int) -> None:
        content, number = bytes(self._waiting[:length]), len(self._parts) + 1
        del self._waiting[:length]
        sent = _call("upload_part", Key=self._key, UploadId=self._upload_id, PartNumber=number, Body=content)
        self._parts.append(Part(number, length, sent["ETag"].strip('"')))


@contextmanager
def writing(key: str, *, content_type: str) -> Iterator[BlobWriter]:
    """A writer of a blob of any size, of which one part is in memory. The blob is there after the block.

    S3 takes up to 5 GiB in one request, and answers it the later, the larger it is. An error aborts the upload.
    """
    writer = BlobWriter(key, upload_id := begin(key, content_type=content_type))
    try:
        yield writer
        writer.finish()
    except BaseException:
        abort(key, upload_id)
        raise
