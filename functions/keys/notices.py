"""What people are told about keys: on their sockets, and as events of conversations."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Any

import keys.events  # noqa: F401 - what is appended here
from conversations import api as conversations
from conversations.model import KEYS_CHANGED, MemberContext
from kernel import clock, parallel, telemetry
from kernel.after_commit import FollowUp, Work, register
from kernel.errors import NotFound
from keys.model import KEYS_LOW, MLS_WELCOME, Claimed, LogEntry, Welcome
from log import api as log
from log.model import NewEvent
from realtime import api as realtime
from users import api as users

TELL_KEYS_CHANGED = "tell-keys-changed"  # work that follows a commit


def _frame(kind: str, data: Any) -> str:
    return json.dumps({"type": kind, "at": clock.rfc3339(clock.now()), "data": data})


def keys_changed(entry: LogEntry) -> FollowUp:
    """The work that a change of a key calls for: stage it with the change, and complete it after the commit."""
    return FollowUp.of(TELL_KEYS_CHANGED, asdict(entry))


def _tell_keys_changed(work: Work) -> None:
    """Write a change of a key into the log of each encrypted conversation of its person, and tell their sockets.

    A key that is gone makes these groups wait for a commit. Once more is fine: the event then stands there twice.
    """
    entry = LogEntry(**work)
    contexts = conversations.contexts(conversations.conversations_of(entry.user_id), entry.user_id)
    encrypted = [each.conversation_id for each in contexts.values() if each.info.settings.encrypted]
    parallel.mapped(partial(_append_change, entry), encrypted)
    people = [entry.user_id, *users.contact_ids(entry.user_id)]
    realtime.publish([_frame(KEYS_CHANGED, entry.as_shown())], people)


def _append_change(entry: LogEntry, conversation_id: str) -> None:
    def plan(_: MemberContext) -> log.AppendPlan:
        return log.AppendPlan([NewEvent(KEYS_CHANGED, entry.user_id, entry.as_shown())])

    try:
        context, events = conversations.append(conversation_id, entry.user_id, plan)
    except NotFound:
        return  # they have left meanwhile
    conversations.publish_events(context, events)


register(TELL_KEYS_CHANGED, _tell_keys_changed)


def welcome_waits(welcome: Welcome) -> None:
    """Tell a device that a Welcome waits for it. Never raises."""
    data = {
        "id": welcome.id,
        "conversation_id": welcome.conversation_id,
        "device_id": welcome.device_id,
        "epoch": welcome.epoch,
    }
    try:
        realtime.publish([_frame(MLS_WELCOME, data)], [welcome.user_id])
    except Exception as error:  # it is a hint; a device asks for its Welcomes whenever it starts
        telemetry.logger().error("mls.welcome was not published", exc_info=error)


def keys_low(claimed: Claimed) -> None:
    """Tell a device's owner that it should leave more packages. Never raises."""
    data = {"device_id": claimed.device_id, "available": claimed.left}
    try:
        realtime.publish([_frame(KEYS_LOW, data)], [claimed.user_id])
    except Exception as error:  # it is a hint; a device asks how many it has whenever it starts
        telemetry.logger().error("keys.low was not published", exc_info=error)
