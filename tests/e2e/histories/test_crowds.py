"""Many concurrent requests: 32 senders (R2, R4), 50 sends of one message (R3), many uses of one ticket (R13).

SC_SENDS is the number of messages of each of the 32 senders (10; the full form is 100). SC_TICKET_USES is the number of
concurrent uses of one ticket (16; the full form is 50, for each of which the local cloud first starts a process).
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

import httpx
import pytest
import websockets.exceptions

from tests.e2e.histories.measured import append_retries, percentile
from tests.e2e.live import Live, refused
from tests.e2e.people import Person, Town
from tests.e2e.tools import log_of, problem

T = TypeVar("T")
SENDERS = 32
SENDS = int(os.environ.get("SC_SENDS", "10"))
WIDTH = 50
TICKET_USES = int(os.environ.get("SC_TICKET_USES", "16"))


def _all_at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    with ThreadPoolExecutor(len(calls)) as threads:
        return [future.result() for future in [threads.submit(call) for call in calls]]


def test_32_senders_at_once_share_one_dense_log(
    crowd: list[Person], town: Town, endpoints: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    # given 32 devices of the members of a group, and functions that have started
    owner, *others = crowd
    senders = [crowd[n % len(crowd)] for n in range(SENDERS)]
    warm, group = owner.group_with(*others), owner.group_with(*others)
    for width in (SENDERS // 4, SENDERS // 2, SENDERS):  # in steps, so that few functions start at the same time
        _all_at_once([lambda who=who: who.send(warm, "warming up") for who in senders[:width]])  # type: ignore[misc]
    took: list[float] = []
    refused: list[str] = []

    def check(answer: httpx.Response) -> None:
        if answer.status_code != 503:
            town.answers.check(answer)
        answer.read()

    def talk(number: int) -> list[dict[str, Any]]:
        sent = []
        with httpx.Client(base_url=endpoints["http_url"], timeout=30, event_hooks={"response": [check]}) as http:
            sender = replace(senders[number], http=http)
            for n in range(SENDS):
                body = {"client_id": f"{group}-{number}-{n}", "text": f"{number} {n}"}
                started = time.monotonic()
                while (answer := sender.post(f"/conversations/{group}/messages", body)).status_code == 503:
                    refused.append(answer.json()["detail"])  # on a slow machine; a client repeats it
                    assert len(refused) <= SENDERS * SENDS // 20, refused
                    time.sleep(int(answer.headers["Retry-After"]))
                assert answer.is_success, answer.text
                sent.append(answer.json())
                took.append(time.monotonic() - started)
        return sent

    # when each sends one message after the other
    began_ms, started = int(time.time() * 1000), time.monotonic()
    talks = _all_at_once([lambda n=n: talk(n) for n in range(SENDERS)])  # type: ignore[misc]
    seconds = time.monotonic() - started
    assert set(refused) <= {"This conversation is very busy; try again."}
    # then the log has each once, without gaps, as acknowledged, and each sender's in their order
    events = log_of(owner, group)
    acknowledged = {message["seq"]: message["client_id"] for sent in talks for message in sent}
    assert [event["seq"] for event in events] == list(range(1, SENDERS * SENDS + 2))
    assert {event["seq"]: event["data"]["client_id"] for event in events[1:]} == acknowledged
    for sent in talks:
        assert [message["seq"] for message in sent] == sorted(message["seq"] for message in sent)
    retries, took = append_retries(endpoints, since_ms=began_ms), sorted(took)
    with capsys.disabled():
        print(
            f"\n{SENDERS} senders: {len(took) / seconds:.0f} messages/s in one conversation; acknowledged in "
            f"{percentile(took, 0.5) * 1000:.0f} ms, p99 {percentile(took, 0.99) * 1000:.0f} ms; "
            f"{len(refused)} repeated; retries p99 {percentile(retries, 0.99):.0f}, most {percentile(retries, 1.0):.0f}"
        )


def test_a_message_sent_50_times_at_once_is_there_once(ada: Person, bob: Person) -> None:
    group = ada.group_with(bob)
    path, body = f"/conversations/{group}/messages", {"client_id": secrets.token_hex(8), "text": "once"}
    answers = _all_at_once([lambda: ada.post(path, body)] * WIDTH)
    assert sorted(answer.status_code for answer in answers) == [200] * (WIDTH - 1) + [201]
    assert len({answer.text for answer in answers}) == 1
    others = _all_at_once([lambda: ada.post(path, {**body, "text": "twice"})] * 8)
    for answer in others:
        problem(answer, 422, "idempotency_mismatch")
    assert [event["type"] for event in log_of(bob, group)] == ["conversation.created", "message.created"]


def test_a_ticket_used_many_times_at_once_opens_one_socket(town: Town) -> None:
    url, ticket = town.person("ada").ticket()

    def attempt() -> Live | int:
        try:
            return Live(url, ticket)
        except websockets.exceptions.InvalidStatus as refusal:
            return refusal.response.status_code

    outcomes = _all_at_once([attempt] * TICKET_USES)
    (winner,) = [outcome for outcome in outcomes if isinstance(outcome, Live)]
    assert [outcome for outcome in outcomes if outcome is not winner] == [401] * (TICKET_USES - 1)
    winner.settle()
    winner.close()
    assert refused(url, f"?ticket={ticket}") == 401
