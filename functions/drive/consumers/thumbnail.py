"""The step of the intake that makes thumbnails; the only function deployed with Pillow."""

from __future__ import annotations

from typing import Any

from drive.uploads import thumbnails
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    """`{key, version}` of an image → the thumbnail (`thumbnails.make`), or None. Idempotent."""
    with telemetry.call("intake.thumbnail", context):
        return thumbnails.make(event["key"], event["version"])
