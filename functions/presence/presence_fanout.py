"""Presence fan-out: sends changes to watching sockets, debounced per socket, as the viewer may see them.

A socket that watches few people gets at most one frame in 2 s, one that watches many in 30 s, with all changes in
between (R17). The presence is read when the frame is sent.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict

import presence.events  # noqa: F401 - registers the jobs
from kernel import clock, debounce
from presence import service, store
from presence.model import Presence, offline_view
from presence.store import Watcher
from realtime import api as realtime
from realtime.api import Target

WINDOW_MS = 2 * clock.SECOND
CROWD_WINDOW_MS = 30 * clock.SECOND
PAGE = 500  # watching sockets per job


def notify(*, user_id: str, was: list[str | None] | None, until: int | None = None, after: str | None = None) -> None:
    """Send a person's presence to the watching sockets, unless it equals `was`.

    `was` None means that the person was online until a socket was lost or closed.
    """
    state = service.states_of([user_id]).get(user_id)
    if state is None:
        return
    shown = state.for_others().summary
    if until is not None and state.choice.until != until:
        return  # another status was set and published meanwhile
    if until is not None and until > clock.now():
        service.schedule_expiry(user_id, shown, until)  # its end is further away than a queue holds a job back
        return
    if (state.present or state.hidden) if was is None else shown == was:
        return
    watchers, following = store.watchers(user_id, after=after, limit=PAGE)
    if following is not None:
        realtime.enqueue([{"kind": "presence", "user_id": user_id, "was": was, "after": following}])
    watchers = _still_open(user_id, watchers)
    if not watchers:
        return
    if state.present:
        service.schedule_recheck([user_id])
    windows = {_key(each.connection_id): CROWD_WINDOW_MS if each.crowd else WINDOW_MS for each in watchers}
    delays = debounce.add(windows, [user_id])
    by_delay: dict[int, list[Target]] = defaultdict(list)
    for each in watchers:
        if (delay_ms := delays.get(_key(each.connection_id))) is not None:
            by_delay[debounce.whole_seconds(delay_ms)].append((each.user_id, each.connection_id))
    for delay_s, targets in by_delay.items():
        if delay_s == 0:
            flush(targets=targets, user_ids=[user_id])
        else:
            job = {"kind": "presence_due", "targets": targets, "user_ids": [user_id]}
            realtime.enqueue([job], delay_s=delay_s)


def _still_open(user_id: str, watchers: Sequence[Watcher]) -> list[Watcher]:
    """The watchers whose sockets are open and not suspended; watches of closed sockets are removed."""
    live = realtime.connections_of(list({each.user_id for each in watchers}))
    known = {each.connection_id for each in live}
    if closed := [each.connection_id for each in watchers if each.connection_id not in known]:
        store.forget(user_id, closed)
    takes = {each.connection_id for each in realtime.reachable(live)}
    return [each for each in watchers if each.connection_id in takes]


def flush(*, targets: Iterable[Target], user_ids: Collection[str]) -> None:
    """Send sockets the presence of these people, and of all others that are due, in one post each."""
    sockets = {_key(connection_id): (user_id, connection_id) for user_id, connection_id in targets}
    with debounce.drained(dict.fromkeys(sockets, user_ids)) as waiting:
        _show({sockets[key]: people for key, people in waiting.items()})


def _show(due: Mapping[Target, Collection[str]]) -> None:
    known = service.states_of({person for people in due.values() for person in people})
    pairs = {(viewer, person) for (viewer, _), people in due.items() for person in people}
    views = service.views_for(pairs, known)
    _deliver({target: [views.get((target[0], person)) for person in sorted(people)] for target, people in due.items()})


def notify_pair(*, user_ids: Sequence[str]) -> None:
    """Send two people each other's presence, `offline` if there is a block by now."""
    one, other = user_ids
    views = service.views_for([(one, other), (other, one)], service.states_of(user_ids))
    frames: dict[Target, list[Presence | None]] = {}
    for viewer, person in ((one, other), (other, one)):
        for socket in realtime.connections_of([viewer]):
            if person in store.watched_by(socket.connection_id):
                frames[socket.target] = [views.get((viewer, person), offline_view(person))]
    _deliver(frames)


def notify_own_devices(*, user_id: str) -> None:
    """Send a person's own presence to their devices."""
    state = service.states_of([user_id]).get(user_id)
    if state is not None:
        live = realtime.reachable(realtime.connections_of([user_id]))
        _deliver({each.target: [state.for_oneself()] for each in live})


def recheck(*, user_ids: Sequence[str]) -> None:
    """Publish the absence of people whose sockets ended without a $disconnect; recheck the others later."""
    there = realtime.liveness_of(user_ids)
    for user_id in user_ids:
        if there[user_id].lapsed:
            notify(user_id=user_id, was=None)
    service.schedule_recheck([user_id for user_id in user_ids if there[user_id].present and store.is_watched(user_id)])


def _deliver(shown: Mapping[Target, Sequence[Presence | None]]) -> None:
    frames = {target: [_frame(each) for each in views if each is not None] for target, views in shown.items()}
    realtime.deliver({target: texts for target, texts in frames.items() if texts})


def _frame(presence: Presence) -> str:
    data = asdict(presence)
    if presence.last_seen_at is not None:
        data["last_seen_at"] = clock.rfc3339(presence.last_seen_at)
    return json.dumps({"type": "presence", "at": clock.rfc3339(clock.now()), "data": data})


def _key(connection_id: str) -> str:
    return f"presence:{connection_id}"
