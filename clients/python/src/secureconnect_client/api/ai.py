"""AI help: summaries, replies, translations, rewrites, answers, moderation, digests, search, streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Protocol, Self

from secureconnect_client.ai_models import AiAnswer, AiJob, AiSettings, DigestItem, Transcript
from secureconnect_client.api.base import Requester, Routes, given
from secureconnect_client.decoding import decode, decode_all
from secureconnect_client.errors import ConnectionLost, SecureConnectError
from secureconnect_client.http import segment
from secureconnect_client.models import Message, Ticket
from secureconnect_client.wire import Wire

Streamed = Literal["summaries", "replies", "translations", "rewrites", "answers", "moderations"]


class Entering(Requester, Protocol):
    """A client that can open another socket; see `Client.enter`."""

    @property
    def user_id(self) -> str: ...

    async def enter(self, user_id: str) -> tuple[Ticket, Wire]: ...


class JobFailed(SecureConnectError):
    """The server ended a job without a result; `problem` is its problem document."""

    def __init__(self, problem: Mapping[str, Any]) -> None:
        super().__init__(f"{problem.get('code', 'internal')}: {problem.get('detail', '')}")
        self.problem = dict(problem)


class StreamFailed(JobFailed):
    """The server ended a stream without an answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningHit:
    """A message and its score (1 is best); `found_by` has `meaning`, `words` or both."""

    message: Message = field(default_factory=Message)
    score: float = 0.0
    found_by: tuple[str, ...] = ()


def _hit(item: Mapping[str, Any]) -> MeaningHit:
    found_by = tuple(item.get("found_by", ()))
    return MeaningHit(message=decode(Message, item), score=float(item.get("score", 0)), found_by=found_by)


class Ai(Routes):
    """The routes of AI help; ApiError 501 `ai_unavailable` for features that the server's provider lacks."""

    def __init__(self, client: Entering) -> None:
        super().__init__(client)
        self._entering = client

    async def settings(self) -> AiSettings:
        return decode(AiSettings, await self._client.request("GET", "/ai/settings"))

    async def change_settings(
        self,
        *,
        enabled: bool | None = None,
        features: Mapping[str, bool] | None = None,
        language: str | None = None,
    ) -> AiSettings:
        body = given(
            enabled=enabled, features=None if features is None else dict(features), language=language
        )
        return decode(AiSettings, await self._client.request("PUT", "/ai/settings", json=body, retry=True))

    async def summary(
        self,
        conversation_id: str,
        *,
        after_seq: int | None = None,
        thread_root: str | None = None,
        length: Literal["short", "long"] | None = None,
    ) -> AiAnswer:
        """A summary of the unread messages, of those after a seq, or of a thread."""
        fields = given(
            conversation_id=conversation_id, after_seq=after_seq, thread_root=thread_root, length=length
        )
        return await self._asked("summaries", fields)

    async def replies(self, conversation_id: str) -> AiAnswer:
        return await self._asked("replies", {"conversation_id": conversation_id})

    async def translate(
        self, target_language: str, *, text: str | None = None, message_id: str | None = None
    ) -> AiAnswer:
        return await self._asked(
            "translations", given(target_language=target_language, text=text, message_id=message_id)
        )

    async def rewrite(self, text: str, tone: str) -> AiAnswer:
        return await self._asked("rewrites", {"text": text, "tone": tone})

    async def answer(self, question: str, *, conversation_id: str | None = None) -> AiAnswer:
        """Answer a question from one conversation, or from all of the caller's conversations with AI help."""
        return await self._asked("answers", given(question=question, conversation_id=conversation_id))

    async def moderate(self, text: str) -> AiAnswer:
        """Rate a text: `result` has `categories` with scores from 0 to 1, and `flagged`."""
        return await self._asked("moderations", {"text": text})

    async def transcribe(self, file_id: str) -> AiJob:
        return decode(AiJob, await self._post("/ai/transcriptions", {"file_id": file_id}))

    async def job(self, job_id: str) -> AiJob:
        return decode(AiJob, await self._client.request("GET", f"/ai/jobs/{segment(job_id)}"))

    async def transcript(self, file_id: str, *, every_s: float = 2.0, timeout_s: float = 600.0) -> Transcript:
        """The text of a recording, once it is transcribed.

        Raises JobFailed if that fails, TimeoutError if it takes too long (the job continues).
        """
        async with asyncio.timeout(timeout_s):
            found = await self.transcribe(file_id)
            while found.status in ("queued", "running"):
                await asyncio.sleep(every_s)
                found = await self.job(found.id)
        if found.status == "failed":
            raise JobFailed(found.problem or {})
        return decode(Transcript, found.result or {})

    async def digest(self) -> tuple[DigestItem, ...]:
        """Summaries of all unread messages, the most important conversation first."""
        return decode_all(DigestItem, (await self._post("/ai/digests", {}))["conversations"])

    async def search(self, q: str, *, conversation_id: str | None = None) -> tuple[MeaningHit, ...]:
        """Messages that match by meaning or by words, best first."""
        answer = await self._post("/ai/search", given(q=q, conversation_id=conversation_id))
        return tuple(_hit(each) for each in answer["items"])

    def stream(self, feature: Streamed, **fields: Any) -> AnswerStream:
        """The text of an answer in pieces: `async with` the stream, then `async for piece in` it.

        The fields are those of the feature's route. Afterwards `answer` is the whole answer.
        """
        return AnswerStream(self._entering, feature, given(**fields))

    async def _asked(self, feature: Streamed, fields: Mapping[str, Any]) -> AiAnswer:
        return decode(AiAnswer, await self._post(f"/ai/{feature}", dict(fields)))


class AnswerStream:
    """A streamed answer, over its own socket. Leaving it early cancels the answer.

    Raises ApiError if the request is refused, StreamFailed if the answer fails, and ConnectionLost.
    """

    def __init__(self, client: Entering, feature: Streamed, fields: Mapping[str, Any]) -> None:
        self._client, self._path = client, f"/ai/{feature}"
        self._fields = {**fields, "stream": True}
        self._wire: Wire | None = None
        self._request_id = ""
        self.answer: AiAnswer | None = None

    async def __aenter__(self) -> Self:
        _, self._wire = await self._client.enter(self._client.user_id)
        try:
            started = await self._client.request("POST", self._path, json=self._fields, retry=False)
        except BaseException:
            await self._wire.close()
            raise
        self._request_id = str(started["request_id"])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._wire is not None
        await self._wire.close()
        if self.answer is None and not isinstance(error, StreamFailed | ConnectionLost):
            await self._client.request("DELETE", f"/ai/requests/{segment(self._request_id)}", retry=True)

    async def __aiter__(self) -> AsyncIterator[str]:
        shown = ""
        async for kind, data in self._events():
            if kind == "ai.delta":
                shown += str(data.get("text", ""))
                yield str(data.get("text", ""))
            elif data.get("answer") is None:
                raise StreamFailed(data.get("problem") or {})
            else:
                self.answer = decode(AiAnswer, data["answer"])
                if self.answer.text.startswith(shown) and len(self.answer.text) > len(shown):
                    yield self.answer.text[len(shown) :]  # the pieces that were lost
                return

    async def _events(self) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """The events of this request, with the pieces in order."""
        assert self._wire is not None, "enter the stream with `async with`"
        expected = 1
        while True:
            frame = json.loads(await self._wire.recv())
            for event in frame["events"] if frame.get("type") == "batch" else [frame]:
                data = event.get("data") or {}
                if (
                    event.get("type") not in ("ai.delta", "ai.done")
                    or data.get("request_id") != self._request_id
                ):
                    continue
                if event["type"] == "ai.delta":
                    if data.get("n") != expected:
                        continue  # an earlier piece was lost: the whole answer comes at the end
                    expected += 1
                yield event["type"], data
