"""Presence and typing stay a small share of the frames of a busy large group, even for the busiest watcher (R17).

Counted per socket, of which the share is the same however many members there are; with the 500 of the rule:
SC_SHARE_MEMBERS=500 (some minutes).
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conversations import service as conversations
from kernel import clock, sockets
from kernel.caller import Caller
from kernel.sockets import Posted
from messages import typing_notice
from perf.people import newcomers
from presence import service
from presence.model import MAX_WATCHED
from realtime import service as realtime
from tests.integration.rooms import say, work
from tests.tools import jobs

MEMBERS = int(os.environ.get("SC_SHARE_MEMBERS", "40"))
WATCHING = 2
MINUTE_S = 60
SHARE = 0.10


class Frames:
    """Counts frames by socket and by the types of their events; a batch is one frame."""

    def __init__(self) -> None:
        self.by_socket: dict[str, Counter[str]] = {}

    def post_all(self, frames: Mapping[str, Sequence[bytes]]) -> dict[str, Posted]:
        for connection_id, texts in frames.items():
            for frame in map(json.loads, texts):
                kind = frame["events"][0]["type"] if frame["type"] == "batch" else frame["type"]
                self.by_socket.setdefault(connection_id, Counter())[kind] += 1
        return dict.fromkeys(frames, Posted.DELIVERED)


def _group(people: list[Caller]) -> str:
    owner, *others = people
    made, _ = conversations.create(
        caller=owner, kind="group", member_ids=[each.user_id for each in others],
        name="Everybody", description=None, settings={},
    )  # fmt: skip
    return str(made["id"])


def test_presence_and_typing_are_a_tenth_of_the_frames_at_most(settings: pytest.MonkeyPatch, redis: Any) -> None:
    frames = Frames()
    settings.setattr(sockets, "post_all", frames.post_all)
    # given a large group all live, and some watch as many as one can
    people = [each.caller for each in newcomers(MEMBERS)]
    devices = [Caller(who.user_id, who.session_id, f"s-{n}") for n, who in enumerate(people)]
    watched = [who.user_id for who in people[:MAX_WATCHED]]
    with clock.held(clock.now()) as advance:
        room = _group(people)
        for device in devices:
            realtime.open_connection(device)
        for device in devices[:WATCHING]:
            service.watch(caller=device, user_ids=watched, conversation_id=None)
        jobs()
        later: list[tuple[int, dict[str, Any]]] = []
        # when they chat for a minute, a message a second, three people typing and two changing their presence
        for second in range(MINUTE_S):
            for who in (people[second % 7], people[second % 11], people[second % 13]):
                typing_notice.typing(caller=who, conversation_id=room, is_typing=True)
            for n in (0, 1):
                status: Any = ("away", "busy")[second % 2]
                service.choose(
                    caller=devices[WATCHING + (2 * second + n) % (MEMBERS - WATCHING)],
                    status=status,
                    text=None,
                    until=None,
                )
            say(people[second % 5], room, f"message {second}")
            later += [(second + job["delay_s"], job) for job in jobs()]
            for job in [job for due, job in later if due <= second]:
                work(job)
            later = [(due, job) for due, job in later if due > second]
            later += [(second + max(1, job["delay_s"]), job) for job in jobs()]
            advance(clock.SECOND)
    # then what is fleeting is a tenth of what each of them is sent, also of who watches most
    for n in range(MEMBERS):
        told = frames.by_socket[f"s-{n}"]
        fleeting = told["presence"] + told["typing"]
        assert told["message.created"] >= MINUTE_S - 2
        assert fleeting <= SHARE * told.total(), (n, told)
    watching = Counter[str]()
    for n in range(WATCHING):
        watching += frames.by_socket[f"s-{n}"]
    assert watching["presence"] >= WATCHING  # it is told all the same
    assert sum(frames.by_socket[f"s-{n}"]["typing"] for n in range(MEMBERS)) >= MEMBERS
