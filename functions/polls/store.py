"""Polls in DynamoDB: questions, tallies and votes.

A poll has several parts: `poll` (question, options and rules), `tally` (small, as every vote writes it) and a `vote#…`
per person. Each change of a poll appends an event in the same transaction, so the head of the log orders all changes:
records read after the head are current if a transaction finds the head unmoved.

A vote is stored under the person's id, in anonymous polls under a keyed pseudonym.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pynamodb.attributes import JSONAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition

from kernel import clock
from kernel.dynamo import Key, Record
from kernel.keyrings import pseudonym
from kernel.reads import read_together
from kernel.records import CountsAttribute, IntegerAttribute, Mapper, ValueAttribute, index
from kernel.transactions import Transaction
from polls.model import Choice, Option, Poll, PollRef, Tally, steps

POLL, TALLY, VOTE = "poll", "tally", "vote#"
_POLLS_PER_STEP = 20
_SCANNED = 1_000
VOTE_LABELS = frozenset({"tally", "vote"})  # conditions of a vote on what was read before it


def _read_options(kept: Any) -> tuple[Option, ...]:
    return tuple(Option(option_id, text) for option_id, text in kept)


def _written_options(options: Iterable[Option]) -> list[list[str]]:
    return [[option.id, option.text] for option in options]


def _rule(name: str, record: PollRecord) -> Any:
    return record.rules[name]


class PollRecord(Record, table="polls", group="log"):
    poll_id = UnicodeAttribute(hash_key=True)
    part = UnicodeAttribute(range_key=True)
    # poll
    conversation_id = UnicodeAttribute(null=True)
    message_id = UnicodeAttribute(null=True)
    message_seq = IntegerAttribute(null=True)
    creator_id = UnicodeAttribute(null=True)
    question = UnicodeAttribute(null=True)
    options = ValueAttribute(_read_options, _written_options, null=True)
    added_by = JSONAttribute(null=True)
    rules = JSONAttribute(null=True)
    created_at = IntegerAttribute(null=True)
    closes_at = IntegerAttribute(null=True)
    by_conversation = index(conversation_id=UnicodeAttribute(hash_key=True), poll_id=UnicodeAttribute(range_key=True))
    # tally
    counts = CountsAttribute(null=True)
    voters = IntegerAttribute(null=True)
    closed_at = IntegerAttribute(null=True)
    # vote
    chosen = JSONAttribute(null=True)
    voted_at = IntegerAttribute(null=True)


_RULES = ("multiple", "max_choices", "anonymous", "results", "allow_change", "allow_add_options")
_RULES_KEPT = {name: partial(_rule, name) for name in _RULES}


@dataclass(frozen=True, slots=True)
class Vote:
    """One person's vote in a poll that is not anonymous; `voted_at` in ms."""

    user_id: str
    chosen: Choice
    voted_at: int


_ASKED = Mapper(PollRecord, Poll, renamed={"id": "poll_id"}, tally=lambda _: Tally({}, 0, None), **_RULES_KEPT)
_TALLY = Mapper(PollRecord, Tally)
_VOTE = Mapper(
    PollRecord,
    Vote,
    user_id=lambda record: record.part.removeprefix(VOTE),
    chosen=lambda record: tuple(record.chosen),
)


def _poll(record: PollRecord, tally: PollRecord) -> Poll:
    return replace(_ASKED.value(record), tally=_TALLY.value(tally))


def _vote_part(poll: PollRef, user_id: str) -> str:
    return VOTE + (pseudonym("vote", f"{poll.id}/{user_id}") if poll.anonymous else user_id)


# --- reads ----------------------------------------------------------------------------------------------------


Read = Callable[[Sequence[tuple[type[Record], Key]]], list[Any]]
PollViews = Mapping[tuple[str, str], dict[str, Any]]  # polls by (poll id, viewer id)
Votes = Mapping[tuple[str, str], Choice]  # by (poll id, user id), without people who have not voted


def find(poll_id: str) -> Poll | None:
    return polls([poll_id]).get(poll_id)


def polls(poll_ids: Sequence[str]) -> dict[str, Poll]:
    """The polls by id, without unknown ones, in this order: one round trip per 50."""
    return _read(poll_ids, [])[0]


def votes(poll_refs: Iterable[PollRef], user_ids: Sequence[str]) -> Votes:
    """These people's votes in each of these polls: one round trip per 100."""
    return _read([], [(poll, user_id) for poll in dict.fromkeys(poll_refs) for user_id in user_ids])[1]


def with_votes(
    poll_refs: Iterable[PollRef], user_ids: Sequence[str], read: Read = read_together
) -> tuple[dict[str, Poll], Votes]:
    """Polls and these people's votes in them: one round trip per 100 parts."""
    refs = list(dict.fromkeys(poll_refs))
    return _read([poll.id for poll in refs], [(poll, user_id) for poll in refs for user_id in user_ids], read)


def keys_of(poll_refs: Iterable[PollRef], user_ids: Sequence[str]) -> list[tuple[type[Record], Key]]:
    """The keys of polls and of these people's votes in them, for `views`."""
    refs = list(dict.fromkeys(poll_refs))
    return _keys([poll.id for poll in refs], [(poll, user_id) for poll in refs for user_id in user_ids])


def _keys(poll_ids: Sequence[str], voters: Sequence[tuple[PollRef, str]]) -> list[tuple[type[Record], Key]]:
    keys: list[tuple[type[Record], Key]] = [
        (PollRecord, (poll_id, part)) for poll_id in poll_ids for part in (POLL, TALLY)
    ]
    return keys + [(PollRecord, (poll.id, _vote_part(poll, user_id))) for poll, user_id in voters]


def _read(
    poll_ids: Sequence[str], voters: Sequence[tuple[PollRef, str]], read: Read = read_together
) -> tuple[dict[str, Poll], Votes]:
    rows = read(_keys(poll_ids, voters))
    parts, chosen = iter(rows[: 2 * len(poll_ids)]), rows[2 * len(poll_ids) :]
    found = {
        poll_id: _poll(record, tally)
        for poll_id, record, tally in zip(poll_ids, parts, parts, strict=True)
        if record is not None and tally is not None
    }
    return found, {
        (poll.id, user_id): tuple(row.chosen)
        for (poll, user_id), row in zip(voters, chosen, strict=True)
        if row is not None
    }


def views(poll_refs: Iterable[PollRef], user_ids: Sequence[str], read: Read = read_together) -> PollViews:
    """Polls as each of these people sees them, by (poll id, user id)."""
    found, chosen = with_votes(poll_refs, user_ids, read)
    now = clock.now()
    return {
        (poll.id, user_id): poll.view(chosen.get((poll.id, user_id), ()), now)
        for poll in found.values()
        for user_id in user_ids
    }


def in_conversation(conversation_id: str, *, before: str | None, limit: int) -> list[str]:
    """The ids of a conversation's polls, newest first, from before the id `before`; eventually consistent."""
    condition = None if before is None else PollRecord.poll_id < before
    rows = PollRecord.by_conversation.query(conversation_id, condition, scan_index_forward=False, limit=limit)
    return [row.poll_id for row in rows]


def votes_page(poll_id: str, *, option_id: str | None, after: str | None, limit: int) -> list[Vote]:
    """A poll's votes, ordered by user id, from after `after`; with `option_id` only those for this option."""
    part = PollRecord.part
    condition = part.startswith(VOTE) if after is None else part.between(f"{VOTE}{after}\0", f"{VOTE}~")
    # the JSON text of a choice holds the option's id in quotes
    chosen = None if option_id is None else PollRecord.chosen.contains(option_id)
    rows = PollRecord.query(poll_id, condition, chosen, consistent_read=True, limit=limit)
    return _VOTE.values(rows)


def taken_part_in(user_id: str, cursor: dict[str, Any] | None) -> tuple[list[Poll], dict[str, Any] | None]:
    """The polls in which a person has voted or added an option, in the next page of a table scan, and the next cursor.

    Former members are in no index of a conversation. A secret vote is under a pseudonym of its poll, so it is looked
    for in each secret poll: one round trip per 100.
    """
    vote = PollRecord.part == f"{VOTE}{user_id}"
    rows = PollRecord.scan(vote | (PollRecord.part == POLL), page_size=_SCANNED, last_evaluated_key=cursor)
    found = [PollRecord.from_raw_data(item) for item in next(rows.page_iter)["Items"]]
    secret = [PollRef(row.poll_id, True) for row in found if row.part == POLL and row.rules["anonymous"]]
    open_ones = [row.poll_id for row in found if row.part != POLL]
    added = [row.poll_id for row in found if row.part == POLL and user_id in (row.added_by or {}).values()]
    poll_ids = dict.fromkeys([*open_ones, *added, *(poll_id for poll_id, _ in votes(secret, [user_id]))])
    return list(polls(list(poll_ids)).values()), rows.last_evaluated_key


# --- writes staged in a transaction with their event ----------------------------------------------------------


def stage_poll(transaction: Transaction, poll: Poll) -> None:
    rules = {name: getattr(poll, name) for name in _RULES}
    record = _ASKED.record(poll, part=POLL, rules=rules, added_by=None)
    transaction.put("poll", record)
    transaction.put("tally", PollRecord(poll.id, TALLY, counts={}, voters=0))


def stage_vote(
    transaction: Transaction,
    poll: Poll,
    user_id: str,
    *,
    before: Choice,
    after: Choice,
    at: int,
    closed_too: bool = False,
) -> None:
    """Replace one person's vote (empty: none) and change the tally by the difference.

    Label `vote` fails if the stored vote is not `before`, `tally` if the poll is closed or deleted. `closed_too` also
    changes closed polls, for the erasure of a person.
    """
    people = bool(after) - bool(before)
    moved = {f"counts.{option_id}": step for option_id, step in steps(before, after).items()}
    moved |= {"voters": people} if people else {}
    transaction.count("tally", PollRecord, (poll.id, TALLY), moved, _tally_condition(closed_too=closed_too))
    vote = PollRecord(poll.id, _vote_part(poll.ref, user_id))
    unchanged = PollRecord.chosen == list(before) if before else PollRecord.part.does_not_exist()
    if not after:
        transaction.delete("vote", vote, unchanged)
        return
    vote.chosen = list(after)
    if not poll.anonymous:
        vote.voted_at = at  # not stored for anonymous votes
    transaction.put("vote", vote, unchanged)


def stage_closing(transaction: Transaction, poll: Poll, *, at: int) -> None:
    """Close a poll; label `tally` fails if it is closed or deleted."""
    condition = _tally_condition(closed_too=False)
    transaction.update("tally", PollRecord(poll.id, TALLY), [PollRecord.closed_at.set(at)], condition)


def _tally_condition(*, closed_too: bool) -> Condition:
    there = PollRecord.part.exists()
    return there if closed_too else there & PollRecord.closed_at.does_not_exist()


def stage_options(transaction: Transaction, poll: Poll) -> None:
    """Replace a poll's options and their authors; label `poll` fails if it was deleted."""
    actions = [PollRecord.options.set(poll.options), PollRecord.added_by.set(dict(poll.added_by))]
    transaction.update("poll", PollRecord(poll.id, POLL), [*actions], PollRecord.part.exists())


def stage_deletion(transaction: Transaction, poll: PollRef) -> None:
    """Delete a poll with its message; its votes, unreachable from then on, are deleted by `forget_votes`."""
    transaction.delete("poll", PollRecord(poll.id, POLL))
    transaction.delete("tally", PollRecord(poll.id, TALLY))


def forget_votes(poll_id: str) -> None:
    """Delete the votes of a deleted poll; idempotent."""
    PollRecord.delete_found(poll_id, PollRecord.part.startswith(VOTE))


def erase_page(conversation_id: str, before: str | None) -> str | None:
    """Erase some polls of a deleted conversation, the newest first; returns the next cursor. Idempotent."""
    poll_ids = in_conversation(conversation_id, before=before, limit=_POLLS_PER_STEP)
    for poll_id in poll_ids:
        forget_votes(poll_id)  # before the poll, by which they are found
        PollRecord.delete_found(poll_id)
    return poll_ids[-1] if len(poll_ids) == _POLLS_PER_STEP else None
