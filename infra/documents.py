"""Writes the API documents from the code that serves them: `make openapi`; `--check` tells whether they are current."""

from __future__ import annotations

import importlib
import json
import os
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOMAINS = sorted(path.parent.name for path in (ROOT / "functions").glob("*/app.py"))
SOCKET_ROUTES = (
    "send_message",
    "edit_message",
    "delete_message",
    "react",
    "mark_read",
    "set_typing",
    "vote",
    "synchronise",
    "send_signal",
    "call_heartbeat",
    "ping",
    "set_presence",
    "watch_presence",
)


def apps() -> list[Any]:
    """The HTTP apps of all domains."""
    return [importlib.import_module(f"{domain}.app").app for domain in DOMAINS]


def documents() -> dict[Path, str]:
    """Every generated document with its text."""
    from keys import notices as key_notices
    from keys.schemas import CommitEvent, KeyLogEntry, LowPackages, ProposalEvent, WelcomeNotice

    from assistant import schemas as ai
    from calls import call_events
    from calls.schemas import Call, SignalEvent
    from conversations import events, schemas
    from drive.schemas import File
    from invitations.schemas import JoinRequest
    from kernel import asyncapi, openapi, websocket
    from kernel.config import config
    from messages.schemas import DraftOut, Receipt
    from moderation.schemas import Report
    from polls.schemas import Poll
    from presence.schemas import Presence

    for route in SOCKET_ROUTES:
        importlib.import_module(f"realtime.{route}")
    about = {
        events.MESSAGE_CREATED: schemas.Message,
        events.MESSAGE_UPDATED: schemas.Message,
        events.MESSAGE_DELETED: schemas.Message,
        events.REACTION_ADDED: schemas.ReactionEvent,
        events.REACTION_REMOVED: schemas.ReactionEvent,
        events.CONVERSATION_CREATED: schemas.Conversation,
        events.CONVERSATION_UPDATED: schemas.Conversation,
        events.CONVERSATION_DELETED: None,
        events.MEMBER_ADDED: schemas.Member,
        events.MEMBER_REMOVED: schemas.Member,
        events.MEMBER_UPDATED: schemas.Member,
        events.POLL_CREATED: Poll,
        events.POLL_UPDATED: Poll,
        events.POLL_VOTED: Poll,
        events.POLL_CLOSED: Poll,
        events.MLS_COMMIT: CommitEvent,
        events.MLS_PROPOSAL: ProposalEvent,
        key_notices.MLS_WELCOME: WelcomeNotice,
        events.KEYS_CHANGED: KeyLogEntry,
        key_notices.KEYS_LOW: LowPackages,
        "join_request.created": JoinRequest,
        "join_request.updated": JoinRequest,
        "report.created": Report,
        "report.updated": Report,
        "receipt.updated": Receipt,
        "draft.updated": DraftOut,
        "file.ready": File,
        "file.rejected": File,
        call_events.RINGING: Call,
        call_events.UPDATED: Call,
        call_events.ANSWERED_ELSEWHERE: Call,
        call_events.ENDED: Call,
        call_events.SIGNAL: SignalEvent,
        "ai.delta": ai.Delta,
        "ai.done": ai.Done,
        "typing": None,
        "presence": Presence,
        "session.revoked": None,
        "reconnect": None,
        "pong": None,
    }
    version = config().version
    http = json.dumps(openapi.document(apps(), version=version), indent=1, sort_keys=True) + "\n"
    socket = json.dumps(asyncapi.document(websocket.ACTIONS, about, version=version), indent=1, sort_keys=True) + "\n"
    return {
        ROOT / "functions/operations/openapi.json": http,  # docs/api/openapi.json is a link to it
        ROOT / "docs/api/asyncapi.json": socket,
    }


def main() -> int:
    sys.path[:0] = [str(ROOT / "layers/shared"), str(ROOT / "functions")]
    os.environ.setdefault("ENVIRONMENT", "local")
    os.environ.setdefault("STACK_NAME", "documents")
    stale = [path for path, text in documents().items() if not path.exists() or path.read_text() != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not current: run `make openapi`")
        return 1 if stale else 0
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
