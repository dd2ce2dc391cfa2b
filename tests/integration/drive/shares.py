"""Shares in the tests of the drive."""

from __future__ import annotations

from typing import Any

from drive.files import service as files
from drive.sharing import service as sharing
from kernel.caller import Caller
from kernel.errors import NotFound


def share(owner: Caller, node_id: str, **given: Any) -> str:
    fields = {"user_id": None, "conversation_id": None, "role": "viewer", **given}
    made = sharing.share(caller=owner, node_id=node_id, file=node_id.startswith("fil_"), **fields)
    return str(made["id"])


def unshare(who: Caller, node_id: str, share_id: str) -> None:
    sharing.unshare(caller=who, node_id=node_id, share_id=share_id, file=node_id.startswith("fil_"))


def sees(who: Caller, file_id: str) -> bool:
    try:
        files.download(caller=who, file_id=file_id)
    except NotFound:
        return False
    return True
