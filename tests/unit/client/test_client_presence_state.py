"""What a live client says by itself: whom it watches, again after each connection, and what has come."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from secureconnect_client import ConnectionLost
from secureconnect_client.presence_state import PresenceState
from tests.unit.client.carriers import in_loop


class Server:
    """Takes what is asked; fails as often as told."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.failing = 0

    async def ask(self, action: str, **fields: Any) -> Any:
        if self.failing:
            self.failing -= 1
            raise ConnectionLost("lost")
        self.asked.append((action, fields))
        return {"items": [{"user_id": each, "status": "online"} for each in fields.get("user_ids", ())]}


async def _for_a_while(*tasks: Any) -> None:
    running = [asyncio.create_task(each) for each in tasks]
    for _ in range(50):
        await asyncio.sleep(0.001)
    for task in running:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@in_loop
async def test_whom_one_watches_is_watched_again_on_a_new_connection() -> None:
    server, shown = Server(), list[Mapping[str, Any]]()
    attention = PresenceState(server.ask, shown.append)
    attention.renew()  # the first connection: nobody is watched yet
    await attention.watch(["usr_bob"], None)
    attention.renew()
    await _for_a_while(attention.keep_watching())
    assert server.asked == [("watchPresence", {"user_ids": ["usr_bob"]})] * 2
    assert [each["user_id"] for each in shown] == ["usr_bob"]


@in_loop
async def test_what_came_is_told_once_and_again_if_that_failed() -> None:
    server, cursors = Server(), {"a": 3, "b": 1}
    attention = PresenceState(server.ask, lambda _: None)
    server.failing = 1

    async def more() -> None:
        await asyncio.sleep(0.005)
        cursors["a"] = 5

    await _for_a_while(attention.report_delivered(lambda: cursors, 0.002, 300), more())
    assert server.asked == [("ping", {"cursors": {"a": 5}})]


@in_loop
async def test_what_is_on_the_screen_is_said_again_in_time_and_on_a_new_connection() -> None:
    server = Server()
    state = PresenceState(server.ask, lambda _: None)
    state.renew()  # nothing is shown yet
    await _for_a_while(state.keep_focus(0.01))
    assert server.asked == []
    await state.set_focus("cnv_1")
    state.renew()
    await _for_a_while(state.keep_focus(60.0))
    assert server.asked == [("ping", {"focus": "cnv_1"})] * 2
    await _for_a_while(state.keep_focus(0.01))
    assert len(server.asked) > 2
    await state.set_focus(None)
    said = len(server.asked)
    await _for_a_while(state.keep_focus(0.01))
    assert server.asked[-1] == ("ping", {"focus": None})
    assert len(server.asked) == said
