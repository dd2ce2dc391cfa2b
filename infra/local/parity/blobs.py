"""Corrects differences between MiniStack's S3 and AWS's with versions of objects.

Reading `?versionId=` returns the whole object: MiniStack ignores `Range`, and the `response-*` parameters by which a
presigned URL makes it an attachment.
"""

import importlib
from collections.abc import Callable
from typing import Any

from infra.local.patching import wrap

S3 = "ministack.services.s3"
Answer = tuple[int, dict[str, str], bytes]


def apply() -> None:
    wrap(S3, "_get_object", _reading_versions_alike)
    wrap(S3, "_apply_response_overrides", lambda original: original)  # used below: they must exist
    wrap(S3, "_parse_range", lambda original: original)


def _reading_versions_alike(get: Callable[..., Answer]) -> Callable[..., Answer]:
    s3 = importlib.import_module(S3)

    def getting(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Answer:
        asked = query or {}
        if not asked.get("versionId"):
            return get(bucket, key, headers, query)
        status, given, body = get(bucket, key, headers, query)
        if status != 200:
            return status, given, body
        if wanted := headers.get("range", ""):
            span = s3._parse_range(wanted, len(body))
            if span is None:
                return 416, {"Content-Range": f"bytes */{len(body)}"}, b""
            given["Content-Range"] = f"bytes {span[0]}-{span[1]}/{len(body)}"
            status, body = 206, body[span[0] : span[1] + 1]
            given["Content-Length"] = str(len(body))
            for checksum in [name for name in given if name.lower().startswith("x-amz-checksum-")]:
                del given[checksum]  # the checksum is that of the whole object
        s3._apply_response_overrides(given, asked)
        return status, given, body

    return getting
