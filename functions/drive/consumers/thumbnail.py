"""The step of the intake that makes thumbnails; the one function that carries Pillow."""

from __future__ import annotations

from typing import Any

from drive.uploads import thumbnails
from kernel import telemetry


def handler(event: dict[str, Any], context: Any) -> dict[str, Any] | None:
    with telemetry.call("intake.thumbnail", context):
        return thumbnails.make(event["key"], event["version"])
