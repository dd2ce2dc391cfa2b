"""AI help in the client: bodies and paths, typed answers, and streams over a socket of their own."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from secureconnect_client.ai_models import AiAnswer, Citation
from secureconnect_client.api.ai import Ai, JobFailed, StreamFailed
from secureconnect_client.errors import ConnectionLost
from secureconnect_client.models import Ticket
from tests.unit.client.answering import asked
from tests.unit.client.carriers import in_loop

ANSWER: dict[str, Any] = {
    "result": "We meet on Friday. [1]",
    "citations": [{"message_id": "msg_1", "seq": 7, "conversation_id": "cnv_1"}],
    "model": "rules-1",
    "provider": "embedded",
    "usage": {"input_tokens": 12, "output_tokens": 5, "cost_usd": 0.0},
}


@in_loop
async def test_a_summary_is_typed() -> None:
    request, answer = await asked(lambda client: client.ai.summary("cnv_1", after_seq=3), ANSWER)
    assert (request.method, request.url.path) == ("POST", "/v1/ai/summaries")
    assert json.loads(request.content) == {"conversation_id": "cnv_1", "after_seq": 3}
    assert answer.text == "We meet on Friday. [1]"
    assert answer.citations == (Citation(message_id="msg_1", seq=7, conversation_id="cnv_1"),)


@in_loop
async def test_settings_send_what_was_given_and_nothing_else() -> None:
    request, settings = await asked(
        lambda client: client.ai.change_settings(features={"replies": False}), {"enabled": True, "provider": "embedded"}
    )
    assert (request.method, json.loads(request.content)) == ("PUT", {"features": {"replies": False}})
    assert settings.enabled is True


def test_replies_are_read_from_their_result() -> None:
    assert AiAnswer(result={"suggestions": ["a", "b", "c"]}).suggestions == ("a", "b", "c")
    assert AiAnswer(result={"suggestions": ["a"]}).text == ""


class _Server:
    """A client's other end: answers the request that starts a stream, and plays frames to its socket."""

    user_id = "usr_1"

    def __init__(self, *frames: dict[str, Any]) -> None:
        self._frames = [json.dumps(frame) for frame in frames]
        self.asked: list[tuple[str, str]] = []
        self.closed = False

    async def enter(self, user_id: str) -> tuple[Ticket, Any]:
        return Ticket(), self

    async def request(self, method: str, path: str, **given: Any) -> Any:
        self.asked.append((method, path))
        return {"request_id": "air_1"}

    async def recv(self) -> str:
        await asyncio.sleep(0)
        if not self._frames:
            raise ConnectionLost("the socket is closed")
        return self._frames.pop(0)

    async def send(self, text: str) -> None:
        raise AssertionError("nothing is sent")

    async def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = True


def _delta(n: int, text: str, request_id: str = "air_1") -> dict[str, Any]:
    return {"type": "ai.delta", "data": {"request_id": request_id, "n": n, "text": text}}


def _done(**data: Any) -> dict[str, Any]:
    return {"type": "ai.done", "data": {"request_id": "air_1", **data}}


async def _pieces(server: _Server) -> tuple[list[str], AiAnswer | None]:
    async with Ai(server).stream("summaries", conversation_id="cnv_1") as stream:
        found = [piece async for piece in stream]
    return found, stream.answer


@in_loop
async def test_a_stream_gives_its_pieces_in_order_and_then_the_whole_answer() -> None:
    server = _Server(
        _delta(1, "of another", request_id="air_2"),
        {"type": "batch", "events": [_delta(1, "We meet "), {"type": "typing", "data": {}}]},
        _delta(2, "on Friday. [1]"),
        _done(answer=ANSWER),
    )
    pieces, answer = await _pieces(server)
    assert pieces == ["We meet ", "on Friday. [1]"]
    assert answer is not None
    assert answer.text == "".join(pieces)
    assert server.closed
    assert server.asked == [("POST", "/ai/summaries")]


@in_loop
async def test_pieces_that_were_lost_come_with_the_end() -> None:
    pieces, _ = await _pieces(_Server(_delta(1, "We meet "), _delta(3, "[1]"), _done(answer=ANSWER)))
    assert "".join(pieces) == ANSWER["result"]


@in_loop
async def test_a_failed_answer_raises_its_problem() -> None:
    server = _Server(_delta(1, "We "), _done(problem={"code": "timeout", "detail": "too slow"}))
    with pytest.raises(StreamFailed, match="timeout"):
        await _pieces(server)
    assert server.asked == [("POST", "/ai/summaries")]


@in_loop
async def test_leaving_a_stream_early_cancels_it() -> None:
    server = _Server(_delta(1, "We meet "), _delta(2, "on Friday"))
    async with Ai(server).stream("summaries", conversation_id="cnv_1") as stream:
        async for _ in stream:
            break
    assert server.asked[-1] == ("DELETE", "/ai/requests/air_1")


class _Transcribing(_Server):
    """Answers a job that is done at the third look."""

    def __init__(self, end: dict[str, Any]) -> None:
        super().__init__()
        self._end = end

    async def request(self, method: str, path: str, **given: Any) -> Any:
        self.asked.append((method, path))
        return {"id": "aij_1", "status": "running", "result": None, **(self._end if len(self.asked) > 3 else {})}


@in_loop
async def test_a_transcript_is_waited_for() -> None:
    said = {"text": "Good morning.", "segments": [{"start_ms": 0, "end_ms": 900, "text": "Good morning."}]}
    server = _Transcribing({"status": "done", "result": said})
    written = await Ai(server).transcript("fil_1", every_s=0.001)
    assert (written.text, written.segments[0].end_ms) == ("Good morning.", 900)
    assert server.asked == [("POST", "/ai/transcriptions"), *[("GET", "/ai/jobs/aij_1")] * 3]


@in_loop
async def test_a_transcript_that_fails_tells_its_problem() -> None:
    server = _Transcribing({"status": "failed", "problem": {"code": "not_found"}})
    with pytest.raises(JobFailed) as refused:
        await Ai(server).transcript("fil_1", every_s=0.001)
    assert refused.value.problem == {"code": "not_found"}
