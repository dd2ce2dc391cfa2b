"""Polls for tests, and short functions to use them."""

from __future__ import annotations

from typing import Any

from kernel import clock
from kernel.caller import Caller
from polls import closing, service
from polls.voting_schemas import NewPollIn
from tests.tools import rows


def draft(**fields: Any) -> NewPollIn:
    given = {"client_id": "p-1", "question": "Tea or coffee?", "options": ["Tea", "Coffee", "Water"], **fields}
    if isinstance(given.get("closes_at"), int):
        given["closes_at"] = clock.rfc3339(given["closes_at"])
    return NewPollIn.model_validate(given)


def ask(who: Caller, conversation_id: str, **fields: Any) -> dict[str, Any]:
    """A new poll."""
    poll, _ = ask_again(who, conversation_id, **fields)
    return poll


def ask_again(who: Caller, conversation_id: str, **fields: Any) -> tuple[dict[str, Any], bool]:
    return service.create(caller=who, conversation_id=conversation_id, draft=draft(**fields).poll())


def option(poll: dict[str, Any], *texts: str) -> list[str]:
    """The ids of the options with these texts."""
    by_text = {each["text"]: each["id"] for each in poll["options"]}
    return [by_text[text] for text in texts]


def vote(who: Caller, poll: dict[str, Any], *texts: str) -> dict[str, Any]:
    return service.vote(caller=who, poll_id=poll["id"], option_ids=option(poll, *texts))


def retract(who: Caller, poll: dict[str, Any]) -> None:
    service.retract(caller=who, poll_id=poll["id"])


def look(who: Caller, poll: dict[str, Any]) -> dict[str, Any]:
    return service.get(caller=who, poll_id=poll["id"])


def counts(poll: dict[str, Any]) -> dict[str, int | None]:
    """The tally by the options' texts."""
    return {each["text"]: each["votes"] for each in poll["options"]}


def parts(poll_id: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A poll's tally and its votes as they are in the table."""
    found = [row for row in rows("polls") if row["poll_id"] == poll_id]
    (tally,) = [row for row in found if row["part"] == "tally"]
    return tally, [row for row in found if row["part"].startswith("vote#")]


def assert_tally_equals_votes(poll_id: str) -> None:
    """R28: recount the table."""
    import json

    tally, votes = parts(poll_id)
    recount: dict[str, int] = {}
    for each in votes:
        for option_id in json.loads(each["chosen"]):
            recount[option_id] = recount.get(option_id, 0) + 1
    assert {option_id: int(count) for option_id, count in tally["counts"].items() if count} == recount
    assert int(tally["voters"]) == len(votes)


def due(poll: dict[str, Any]) -> dict[str, Any]:
    """What the state machine asks for at the poll's time."""
    return closing.when_due(poll["id"])
