"""The text of docs/capacity.md: the AWS resources and the costs of a number of people online, compared with quotas.

`python -m infra.documents` writes it. It is a calculated model, rates times counted work; no such load was tried.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from infra.generate import ROOT

PEOPLE = (10_000, 100_000, 1_000_000)
MINUTE_S, MONTH_MINUTES = 60, 30 * 24 * 60
MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Use:
    """What one person who is online does in the busiest minute; the figures are assumptions."""

    sockets: float = 1.3
    messages: float = 0.2
    by_socket: float = 0.7  # of the messages
    members: int = 10  # of the conversation that a message goes to
    calls: float = 1.0  # over HTTP beside sends: lists, histories, catching up, marks
    frames: float = 1.5  # into sockets beside sends: typing, marks, pings
    ephemeral: float = 0.1  # of the frames out: presence and typing (R17)
    reconnects: float = 1 / 120  # a socket lives for two hours at most
    average: float = 0.25  # of the busiest minute, over a month


@dataclass(frozen=True, slots=True)
class Work:
    """The work of operations: seconds of a function (partly assumed) and write units (counted by make perf)."""

    send_s: float = 0.08
    fan_out_s: float = 0.15
    follow_s: float = 0.10  # dispatch, index and notifications of a message, batched
    call_s: float = 0.05
    frame_s: float = 0.03
    connect_s: float = 0.12
    send_write_units: float = 9.0
    call_write_units: float = 0.3


@dataclass(frozen=True, slots=True)
class Need:
    """How much of a quota is needed, per second or at once."""

    what: str
    needed: float
    quota: float
    remedy: str


def needs(people: int, use: Use = Use(), work: Work = Work()) -> list[Need]:
    """What this many people need in their busiest minute, with the quotas of a new account in us-east-1."""
    messages = people * use.messages / MINUTE_S
    posts = messages * use.members * use.sockets * (1 + use.ephemeral)
    calls = people * use.calls / MINUTE_S
    frames = people * use.frames / MINUTE_S
    connects = people * use.sockets * use.reconnects / MINUTE_S
    executions = (
        messages * (work.send_s + work.fan_out_s + work.follow_s)
        + calls * work.call_s
        + frames * work.frame_s
        + connects * work.connect_s
    )
    writes = messages * work.send_write_units + calls * work.call_write_units
    gateway = messages + calls + frames + posts + connects
    return [
        Need("API Gateway: calls, frames and posts a second", gateway, 10_000, "raised on request; mostly posts"),
        Need("API Gateway: new sockets a second", connects, 500, "raised on request; clients come back with jitter"),
        Need("Lambda: executions at once", executions, 1_000, "raised on request: `ConcurrencyQuota`"),
        Need("DynamoDB: write units a second, all tables", writes, 40_000, "40,000 for each table; raised on request"),
        Need("SQS: messages in flight of the fan-out", messages * work.fan_out_s, 120_000, "no need"),
    ]


def monthly(people: int, use: Use = Use()) -> dict[str, float]:
    """US dollars a month by kind of work, without storage, mail, pushes, AI help and media of calls."""
    price = prices()
    minutes = MONTH_MINUTES * use.average * people
    sent = minutes * use.messages / MILLION
    of_message = use.by_socket * MESSAGE["socket"] + (1 - use.by_socket) * MESSAGE["HTTP"]
    call = price["rest_request"] + price["lambda_request"] + CALL_GB_S * price["lambda_gb_second"]["x86_64"]
    call += 4 * price["dynamodb_read_unit"]
    frame = 2 * price["socket_message"] + price["lambda_request"] + CALL_GB_S * price["lambda_gb_second"]["x86_64"]
    return {
        "messages": sent * of_message,
        "other calls": minutes * use.calls * call,
        "other frames": minutes * use.frames * frame,
        "open sockets": minutes * use.sockets * price["socket_connection_minute"],
    }


MESSAGE = {"HTTP": 31.3, "socket": 29.7}  # $ per million in a group of 10 (make perf, cost)
CALL_GB_S = 0.05 * 0.5


def prices() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((ROOT / "perf/prices.json").read_text())
    return found


def text() -> str:
    """The document."""
    use, work = Use(), Work()
    names = [need.what for need in needs(PEOPLE[0])]
    by_people = {people: needs(people) for people in PEOPLE}
    rows = [
        _row(
            name,
            f"{by_people[PEOPLE[0]][place].quota:,.0f}",
            *(_needed(by_people[people][place]) for people in PEOPLE),
            by_people[PEOPLE[0]][place].remedy,
        )
        for place, name in enumerate(names)
    ]
    bills = {people: monthly(people) for people in PEOPLE}
    costs = [_row(what, *(f"{bills[people][what]:,.0f}" for people in PEOPLE)) for what in bills[PEOPLE[0]]]
    costs.append(_row("**together**", *(f"**{sum(bills[people].values()):,.0f}**" for people in PEOPLE)))
    each = sum(bills[PEOPLE[0]].values()) / PEOPLE[0]
    crowds = [f"{people:,}" for people in PEOPLE]
    return HEAD.format(
        sockets=use.sockets,
        messages=use.messages,
        by_socket=100 * use.by_socket,
        members=use.members,
        calls=use.calls,
        frames=use.frames,
        average=100 * use.average,
        send_ms=1_000 * work.send_s,
        writes=work.send_write_units,
    ) + "".join(
        [
            _row("resource", "quota", *crowds, "remedy"),
            "|---|--:|--:|--:|--:|---|\n",
            *rows,
            SHARDS,
            _row("US dollars a month", *crowds),
            "|---|--:|--:|--:|\n",
            *costs,
            f"\nThat is {each:.3f} $ a month for each person who is online at the busiest time. {LEFT_OUT}",
        ]
    )


def _needed(need: Need) -> str:
    figure = f"{need.needed:,.0f}"
    return figure if need.needed <= need.quota else f"**{figure}**, {need.needed / need.quota:.1f} times"


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


HEAD = (
    "# Capacity: so many people at once, on paper\n\n"
    "Written by `python -m infra.documents` from infra/documents/capacity_plan.py: rates times counted work. "
    "`make load`, in contrast, measures one machine: a local cloud with a quota of 16 concurrent executions that "
    "shares its processors with the load generator. Its figures show the behaviour under overload, "
    "not the capacity in AWS.\n\n"
    "Assumed for each person online, in the busiest minute: {sockets} sockets, {messages} messages ({by_socket:.0f} % "
    "by socket) to conversations of {members}, {calls:.0f} other call and {frames} other frames; over a month "
    "{average:.0f} % of that. A send takes {send_ms:.0f} ms of a function and {writes:.0f} write units.\n\n"
    "Quotas are those of a new account in us-east-1; needs above a quota are **bold**, with the factor.\n\n"
)
SHARDS = (
    "\nLimits that no quota raises: one conversation takes some 100 messages a second (one partition takes 1,000 write "
    "units a second, and its log is sequential); one person's sockets are one item; the dispatcher reads one shard of "
    "the stream for each partition, with at most ten concurrent batches. None of them depends on the number of people. "
    "Redis (Valkey serverless) holds only limits, typing and marks that save reads: everything works without it "
    "(R19).\n\n"
)
LEFT_OUT = (
    "Prices as in perf/prices.json, without free tiers and discounts. Left out: storage, data that files move, mail, "
    "pushes, AI help, Chime and TURN, logs kept beyond a month, Redis.\n"
)
