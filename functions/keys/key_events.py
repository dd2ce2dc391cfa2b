"""Publishing events about keys: on sockets, and in the logs of conversations."""

from __future__ import annotations

import json
from dataclasses import asdict
from functools import partial
from typing import Any

import keys.events  # noqa: F401 - registers the event types and the follow-up work
from conversations import api as conversations
from conversations.model import KEYS_CHANGED, MemberContext
from kernel import clock, parallel, telemetry
from kernel.after_commit import FollowUp, Work
from kernel.errors import NotFound
from keys.model import KEYS_LOW, MLS_WELCOME, PUBLISH_KEYS_CHANGED, Claimed, LogEntry, Welcome
from log import api as log
from log.model import NewEvent
from realtime import api as realtime
from users import api as users


def _frame(kind: str, data: Any) -> str:
    return json.dumps({"type": kind, "at": clock.rfc3339(clock.now()), "data": data})


def follow_up_of(entry: LogEntry) -> FollowUp:
    """The follow-up work of a changed key: stage it with the change, and complete it after the commit."""
    return FollowUp.of(PUBLISH_KEYS_CHANGED, asdict(entry))


def publish_keys_changed(work: Work) -> None:
    """Append a changed key to the log of each of the person's encrypted conversations, and publish it to sockets.

    A removed key makes these groups require a commit. A repeated call appends the event again, which is harmless.
    """
    entry = LogEntry(**work)
    contexts = conversations.contexts(conversations.conversations_of(entry.user_id), entry.user_id)
    encrypted = [each.conversation_id for each in contexts.values() if each.info.settings.encrypted]
    parallel.mapped(partial(_append_change, entry), encrypted)
    people = [entry.user_id, *users.contact_ids(entry.user_id)]
    realtime.publish([_frame(KEYS_CHANGED, entry.view())], people)


def _append_change(entry: LogEntry, conversation_id: str) -> None:
    def plan(_: MemberContext) -> log.AppendPlan:
        return log.AppendPlan([NewEvent(KEYS_CHANGED, entry.user_id, entry.view())])

    try:
        context, events = conversations.append(conversation_id, entry.user_id, plan)
    except NotFound:
        return  # the person has left meanwhile
    conversations.publish_events(context, events)


def publish_welcome(welcome: Welcome) -> None:
    """Publish a hint to a device that a Welcome is pending. Never raises."""
    data = {
        "id": welcome.id,
        "conversation_id": welcome.conversation_id,
        "device_id": welcome.device_id,
        "epoch": welcome.epoch,
    }
    with telemetry.best_effort("mls.welcome was not published"):  # a device fetches them when it starts
        realtime.publish([_frame(MLS_WELCOME, data)], [welcome.user_id])


def publish_keys_low(claimed: Claimed) -> None:
    """Publish a hint to a device to upload more packages. Never raises."""
    data = {"device_id": claimed.device_id, "available": claimed.left}
    with telemetry.best_effort("keys.low was not published"):  # a device counts them when it starts
        realtime.publish([_frame(KEYS_LOW, data)], [claimed.user_id])
