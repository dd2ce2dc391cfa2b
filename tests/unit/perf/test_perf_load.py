"""The open-loop load: calls come whether others are answered or not, and each is counted once by what became of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import pytest

from perf.running import load
from perf.running.addresses import Addresses
from perf.running.load import Bulkhead, Crowd, LoadFound, Step
from perf.running.load_clients import Http, LoadPerson, Refused, keep_ready, newcomer

NOWHERE = Addresses("http://127.0.0.1:9", ())
PERSON = LoadPerson(Http(NOWHERE.http_url), "usr_a", "token", username="a")


def _crowd(monkeypatch: pytest.MonkeyPatch, do: Any) -> Crowd:
    monkeypatch.setattr(load, "MIX", {"send": (1, do)})
    return Crowd(NOWHERE, [(PERSON, "cnv_a")])


def _found(*goodputs: tuple[float, int], capacity: float = 100) -> LoadFound:
    steps = [Step(times, times * capacity, 1.0, Counter(good=good)) for times, good in goodputs]
    return LoadFound(capacity, steps, [])


def test_an_answer_is_good_late_refused_or_a_failure() -> None:
    step = Step(1, 10, 2.0)
    step.note("send", 0.1)
    step.note("send", load.GOOD_S)
    step.note("send", load.GOOD_S + 0.1)
    step.note("send", 0.01, Refused("", 503, retry_after_s=2))
    step.note("send", 0.01, Refused("", 429, retry_after_s=2))
    step.note("send", 0.01, Refused("", 503))
    step.note("send", 0.01, Refused("", 500, retry_after_s=2))
    assert step.outcomes == {"good": 2, "late": 1, "refused": 2, "failed": 2}
    assert step.goodput == 1.0
    assert step.reasons["send: 503 "] == 2


def test_calls_come_also_while_none_is_answered_and_at_most_so_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "IN_FLIGHT_MAX", 5)

    async def run() -> Step:
        answered = asyncio.Event()

        async def never(_person: LoadPerson, _conversation_id: str) -> None:
            await answered.wait()

        running = asyncio.create_task(_crowd(monkeypatch, never).open(200, 0.2))
        await asyncio.sleep(0.5)
        answered.set()
        return await running

    step = asyncio.run(run())
    assert step.outcomes["good"] == 5
    assert step.outcomes["lost"] > 5


def test_who_gets_no_answer_is_counted_as_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_person: LoadPerson, _conversation_id: str) -> None:
        raise ConnectionResetError

    step = asyncio.run(_crowd(monkeypatch, broken).open(200, 0.1))
    assert step.outcomes.keys() == {"lost"}


def test_from_twice_the_capacity_on_goodput_has_to_reach_nine_tenths_of_the_peak() -> None:
    twice, four_times = load.verdicts(_found((1, 100), (2, 90), (4, 89)))
    assert twice.met
    assert not four_times.met
    fallen, _ = load.verdicts(_found((1, 120), (2, 100), (4, 10)))
    assert not fallen.met


def test_who_carries_more_under_more_load_has_not_fallen_short() -> None:
    assert all(verdict.met for verdict in load.verdicts(_found((1, 90), (2, 150), (4, 215))))


def test_the_tables_show_each_step_and_bulkhead() -> None:
    found = _found((1, 100), (2, 90))
    shown = LoadFound(found.capacity, found.steps, [Bulkhead("list", "send", 100.0, 115.0)])
    text = "\n".join(table.markdown() for table in load.tables(shown))
    assert "| 2 |" in text.replace("     ", " ").replace("    ", " ")
    assert shown.bulkheads[0].more == pytest.approx(15)
    assert load.as_json(shown)["steps"][0]["good"] == 100


def test_the_mix_is_of_a_hundred_calls_and_reads_outweigh_sends() -> None:
    weights = {name: weight for name, (weight, _) in load.MIX.items()}
    assert sum(weights.values()) == 100
    assert weights["read"] + weights["list"] + weights["catch up"] > weights["send"]


def test_a_machine_that_carries_nothing_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_person: LoadPerson, _conversation_id: str) -> None:
        await asyncio.sleep(0.01)
        raise Refused("", 503, retry_after_s=2)

    crowd = _crowd(monkeypatch, broken)

    async def ready(_addresses: Addresses, _count: int) -> Crowd:
        return crowd

    monkeypatch.setattr(load, "_crowd", ready)
    with pytest.raises(load.NothingCarried, match="refused"):
        load.measure(NOWHERE, load.LoadScale(probe_seconds=0.1), done=lambda _: None)


def test_people_who_were_registered_before_are_newcomers_once() -> None:
    ready = [LoadPerson(Http("http://nobody.example"), f"usr_{n}", "token") for n in range(2)]
    keep_ready(ready)
    found = [asyncio.run(newcomer("http://nobody.example")) for _ in ready]
    assert sorted(each.id for each in found) == ["usr_0", "usr_1"]
