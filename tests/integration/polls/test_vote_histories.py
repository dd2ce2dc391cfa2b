"""Seeded histories of votes are linearizable per (poll, person), and the tally equals the votes after each (R28).

SC_VOTE_HISTORIES sets how many (500 for the full form), SC_VOTE_SEED the first seed: a failure names its own.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from kernel.caller import Caller
from polls import service
from polls.model import PollClosed, VoteFinal
from tests.integration.polls.ballot_boxes import ask, assert_tally_equals_votes, look
from tests.integration.rooms import group, people, whole_log
from tests.tools import jobs
from tests.vote_histories import OPTIONS, Answer, Choice, HistoryPlan, Step, carry_out, explained, plan

HISTORIES = int(os.environ.get("SC_VOTE_HISTORIES", "12"))
FIRST_SEED = int(os.environ.get("SC_VOTE_SEED", "1"))
PER_ROOM = 10  # histories in one cloud: what is recounted grows with them


class Room:
    """A poll under test, and the actions of its people."""

    def __init__(self, everybody: list[Caller], conversation_id: str, wanted: HistoryPlan) -> None:
        self.everybody = everybody
        self.poll = ask(everybody[0], conversation_id, client_id=f"seed-{wanted.seed}", **wanted.rules)
        self.ids = [option["id"] for option in self.poll["options"]][:OPTIONS]

    def choice(self, poll: dict[str, Any]) -> Choice:
        return tuple(n for n, option_id in enumerate(self.ids) if option_id in poll["my_votes"])

    def do(self, step: Step) -> Answer:
        caller, poll_id = self.everybody[step.person], self.poll["id"]
        try:
            match step.kind:
                case "vote":
                    wanted = [self.ids[n] for n in step.wanted]
                    return "ok", self.choice(service.vote(caller=caller, poll_id=poll_id, option_ids=wanted))
                case "retract":
                    service.retract(caller=caller, poll_id=poll_id)
                case "close":
                    service.close(caller=caller, poll_id=poll_id)
                case _:
                    seen = service.get(caller=caller, poll_id=poll_id)
                    return ("ok" if seen["state"] == "open" else "closed"), self.choice(seen)
        except PollClosed:
            return "closed", None
        except VoteFinal:
            return "final", None
        return "ok", None


@pytest.mark.usefixtures("redis")
@pytest.mark.parametrize("first", range(FIRST_SEED, FIRST_SEED + HISTORIES, PER_ROOM))
def test_votes_of_many_devices_have_one_order(first: int) -> None:
    everybody = people("ada", "bob", "cleo")
    conversation_id = group(*everybody)
    for seed in range(first, min(first + PER_ROOM, FIRST_SEED + HISTORIES)):
        wanted = plan(seed)
        room = Room(everybody, conversation_id, wanted)
        history = carry_out(wanted, room.do)
        for person, caller in enumerate(everybody):
            last = room.choice(look(caller, room.poll))
            assert explained(history, person, final=wanted.final, last=last), f"SC_VOTE_SEED={seed}: {history}"
        assert_tally_equals_votes(room.poll["id"])
        seqs = [entry.seq for entry in whole_log(conversation_id)]
        assert seqs == list(range(1, len(seqs) + 1)), f"SC_VOTE_SEED={seed}"
        jobs()
