"""`Idempotency-Key`: the first answer again for 24 hours."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from kernel import keyrings
from kernel.answers import Answer, FirstAnswer
from kernel.caller import Authenticator, Caller
from kernel.errors import Forbidden
from kernel.http import App
from kernel.idempotency import KEEP_S
from kernel.schema import Input, Output
from tests.helpers import Reply, ask
from tests.support import rings
from tests.tools import captured_lines, rows

CANARY = "c4n4ry-of-a-person"


class Note(Input):
    text: str


class Made(Output):
    number: int
    text: str


class Notes:
    """An app that counts what it makes; `before` is called inside each view."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.app = App(
            "notes", authenticate=Authenticator(lambda token: Caller(f"usr_{token}", "ses_1"), lambda caller, _: caller)
        )

        @self.app.post("/notes", body=Note, returns=Made, status=201)
        def make(body: Note) -> Any:
            """Make."""
            self.before()
            self.made.append(body.text)
            return Answer({"number": len(self.made), "text": body.text}, headers={"X-Place": str(len(self.made))})

        @self.app.post("/others", body=Note, returns=Made)
        def other(body: Note) -> Any:
            """Make otherwise."""
            return make(body)

        @self.app.post("/public", body=Note, returns=Made, public=True)
        def public(body: Note) -> Any:
            """Make for anybody."""
            return make(body)

        def is_last(first: FirstAnswer, body: Note) -> bool:
            return bool(first.body["number"] == len(self.made))

        @self.app.post("/fleeting", body=Note, returns=Made, may_replay=is_last)
        def fleeting(body: Note) -> Any:
            """Make what stands until more is made."""
            return make(body)

        @self.app.post("/long", body=Note, returns=Made)
        def long(body: Note) -> Any:
            """Make something long."""
            return {"number": 1, "text": "x" * 500_000}

        @self.app.put("/notes", body=Note, returns=Made)
        def put(body: Note) -> Any:
            """Make without a key."""
            return make(body)

    def ask(self, text: str = "hello", key: str | None = "k-1", who: str | None = "ada", path: str = "/notes") -> Reply:
        headers = {} if key is None else {"Idempotency-Key": key}
        return ask(self.app, "POST", path, body={"text": text}, token=who, headers=headers)


@pytest.fixture
def notes() -> Notes:
    return Notes()


def test_a_replay_gets_the_first_answer_whole(notes: Notes) -> None:
    first, second = notes.ask(), notes.ask()
    assert notes.made == ["hello"]
    assert (second.status, second.body, second.headers["x-place"]) == (201, first.body, "1")
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"


def test_without_a_key_every_call_counts(notes: Notes) -> None:
    for _ in range(2):
        assert "idempotent-replayed" not in notes.ask(key=None).headers
    assert len(notes.made) == 2


def test_another_key_or_person_is_another_call(notes: Notes) -> None:
    notes.ask()
    notes.ask(key="k-2")
    notes.ask(who="bob")
    assert len(notes.made) == 3


def test_the_same_key_with_another_body_is_refused(notes: Notes) -> None:
    notes.ask()
    reply = notes.ask(text="other")
    assert (reply.status, reply.code) == (422, "idempotency_mismatch")
    assert notes.made == ["hello"]


def test_the_same_key_on_another_route_is_refused(notes: Notes) -> None:
    notes.ask()
    assert notes.ask(path="/others").status == 422


@pytest.mark.parametrize("key", ["", "x" * 65, "a\nb", "a\0b"])
def test_a_key_of_another_shape_is_refused(notes: Notes, key: str) -> None:
    reply = notes.ask(key=key)
    assert (reply.status, reply.code) == (400, "validation_failed")
    assert reply.body["errors"][0]["field"] == "Idempotency-Key"
    assert notes.made == []


@pytest.mark.parametrize("key", ["x", "x" * 64, "a b", "ключ", '"quoted"'])
def test_a_key_of_any_printable_characters_is_taken(notes: Notes, key: str) -> None:
    assert notes.ask(key=key).status == 201
    assert "idempotent-replayed" in notes.ask(key=key).headers


def test_while_the_first_is_under_way_the_second_is_told_so(notes: Notes) -> None:
    entered, released = threading.Event(), threading.Event()

    def wait() -> None:
        entered.set()
        released.wait(5)

    notes.before = wait
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(notes.ask)
        entered.wait(5)
        second = notes.ask()
        released.set()
        assert first.result(5).status == 201
    assert (second.status, second.code, second.headers["retry-after"]) == (409, "conflict", "1")
    assert notes.made == ["hello"]


def test_a_refusal_is_not_kept(notes: Notes) -> None:
    def refuse() -> None:
        raise Forbidden

    notes.before = refuse
    assert notes.ask().status == 403
    notes.before = lambda: None
    assert (notes.ask().status, notes.made) == (201, ["hello"])


def test_a_failure_is_not_kept(notes: Notes) -> None:
    def fail() -> None:
        raise LookupError

    notes.before = fail
    assert notes.ask().status == 500
    notes.before = lambda: None
    assert (notes.ask().status, notes.made) == (201, ["hello"])


def test_a_body_that_is_refused_does_not_take_the_key(notes: Notes) -> None:
    bad = ask(notes.app, "POST", "/notes", body={"txt": 1}, token="ada", headers={"Idempotency-Key": "k-1"})
    assert (bad.status, notes.ask().status) == (400, 201)


def test_an_answer_too_long_to_be_kept_is_given_all_the_same(notes: Notes) -> None:
    reply = notes.ask(path="/long")
    assert (reply.status, len(reply.body["text"])) == (200, 500_000)


def test_an_answer_is_kept_for_a_day_and_nobody_reads_it_in_the_table(notes: Notes) -> None:
    notes.ask(text=CANARY, key="k-secret", who="canary-person")
    (row,) = rows("idempotency")
    assert abs(float(row["expiration"]) - time.time() - KEEP_S) < 60
    for hidden in (CANARY, "k-secret", "canary-person"):
        assert hidden not in str(row)


def test_who_reads_the_table_has_nothing_to_try_a_password_on(notes: Notes) -> None:
    """Neither a hash of the body nor a key that could be made from it stands there."""
    notes.ask(text="first")
    (first,) = rows("idempotency")
    rings.hold(keyrings.cursors, "another seed than the one it was made with")
    again = notes.ask(text="first")
    assert ("idempotent-replayed" in again.headers, notes.made) == (False, ["first", "first"])
    assert set(first) == {"id", "data", "status", "expiration", "in_progress_expiration"}


def test_an_answer_that_stands_no_more_is_not_given_again(notes: Notes) -> None:
    first = notes.ask(path="/fleeting")
    assert notes.ask(path="/fleeting").headers["idempotent-replayed"] == "true"
    notes.made.append("meanwhile")
    again = notes.ask(path="/fleeting")
    assert "idempotent-replayed" not in again.headers
    assert (first.body["number"], again.body["number"]) == (1, 3)


def test_only_posts_take_a_key(notes: Notes) -> None:
    for _ in range(2):
        ask(notes.app, "PUT", "/notes", body={"text": "x"}, token="ada", headers={"Idempotency-Key": "k-1"})
    assert len(notes.made) == 2


def test_a_public_route_takes_a_key_too(notes: Notes) -> None:
    notes.ask(path="/public", who=None)
    assert "idempotent-replayed" in notes.ask(path="/public", who=None).headers


def test_no_canary_reaches_the_log(notes: Notes) -> None:
    with captured_lines() as lines:
        for text in (CANARY, CANARY, "other"):
            notes.ask(text=text, key=CANARY)
    assert len(lines.all) == 3
    assert CANARY not in lines.text
