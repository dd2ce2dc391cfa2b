"""The addresses of the running local cloud, which `make up` writes to a file."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from perf.template import ROOT

DEFAULT = ROOT / ".local" / "endpoints.json"


class NotUp(Exception):
    """There is no running local cloud."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """The API's URL, the process ids of its servers (functions are their children), the cloud's URL, the stack's
    name."""

    http_url: str
    servers: tuple[int, ...]
    cloud_url: str = ""
    stack: str = ""


def running() -> Addresses:
    """The local cloud of .local/endpoints.json, or of the file in SC_ENDPOINTS. Raises NotUp."""
    file = Path(os.environ.get("SC_ENDPOINTS") or DEFAULT)
    try:
        told = json.loads(file.read_text())
        http_url, cloud_url, stack = told["http_url"], told["aws_endpoint_url"], told["stack"]
        servers = [int((file.parent / f"{name}.pid").read_text()) for name in ("cloud", "redis")]
    except (OSError, ValueError, KeyError) as error:
        raise NotUp(f"no local cloud is running ({error}); run make up first") from error
    if not all(Path("/proc", str(pid)).exists() for pid in servers):
        raise NotUp("the local cloud is not running; run make up first")
    return Addresses(http_url, tuple(servers), cloud_url, stack)
