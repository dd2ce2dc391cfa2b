"""Short names for what people do in calls."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from calls import service, store
from calls.consumers import sweep
from calls.model import Call
from kernel import ids
from kernel.caller import Caller
from kernel.errors import Problem
from realtime import service as realtime
from tests.helpers import CONTEXT
from tests.integration.rooms import direct, people
from tests.tools import jobs

NOW = 1_800_000_000_000  # in ms, for clocks that are held


def two() -> tuple[Caller, Caller, str]:
    """Ada, Bob and their direct conversation."""
    ada, bob = people("ada", "bob")
    chat = direct(ada, bob)
    jobs()
    return ada, bob, chat


def ring(who: Caller, conversation_id: str, *, media: Any = "video", client_id: str = "") -> dict[str, Any]:
    """Start a call."""
    call, _ = service.start(
        caller=who, conversation_id=conversation_id, client_id=client_id or ids.new("c"), media=media
    )
    return call


def join(who: Caller, call: dict[str, Any]) -> dict[str, Any]:
    return service.join(caller=who, call_id=call["id"])


def device(who: Caller, *, connection_id: str = "") -> Caller:
    """Another session of the same person."""
    return replace(who, session_id=ids.new("ses"), connection_id=connection_id)


def connected(who: Caller, connection_id: str) -> Caller:
    """The same session with a live socket."""
    live = replace(who, connection_id=connection_id)
    realtime.open_connection(live)
    return live


def stored(call: dict[str, Any]) -> Call:
    found = store.find(call["id"])
    assert found is not None
    return found


def states(call: dict[str, Any]) -> list[str]:
    """The states of the participants, the initiator's first."""
    return [each["state"] for each in call["participants"]]


def swept(call: dict[str, Any]) -> dict[str, Any]:
    """The result of the lifecycle state machine's task."""
    return sweep.handler({"call_id": call["id"], "wait_s": 1}, CONTEXT)


def refusal(step: Any) -> str:
    """The code of the error that an action raises."""
    with pytest.raises(Problem) as refused:
        step()
    return refused.value.stable_code
