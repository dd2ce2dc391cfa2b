from __future__ import annotations

from typing import Any

from secureconnect_client.events import parse_event
from secureconnect_client.typing_state import LASTS_S, TypingState


def _typing(user_id: str, is_typing: bool = True) -> dict[str, Any]:
    return {"type": "typing", "conversation_id": "c", "data": {"user_id": user_id, "typing": is_typing}}


def _state(*frames: dict[str, Any], seconds: list[float]) -> TypingState:
    state = TypingState(lambda: seconds[0])
    for frame in frames:
        state.apply(parse_event(frame))
    return state


def test_typing_is_over_with_the_message() -> None:
    said = {"type": "message.created", "conversation_id": "c", "seq": 2, "actor_id": "bob", "data": {"text": "hi"}}
    assert _state(_typing("ada"), _typing("bob"), said, seconds=[0.0]).of("c") == ["ada"]


def test_typing_is_over_when_its_end_is_told_or_after_some_seconds() -> None:
    seconds = [0.0]
    state = _state(_typing("ada"), _typing("bob"), _typing("bob", False), seconds=seconds)
    assert (state.of("c"), state.of("d")) == (["ada"], [])
    seconds[0] = LASTS_S
    assert state.of("c") == []
