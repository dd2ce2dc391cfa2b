"""Requests over the socket, and their fallback: the same call over HTTP if the socket fails.

A call without an acknowledgement may have been carried out. Repeating it over HTTP is safe, because a message
keeps its `client_id` and all other calls set a state.
"""

from __future__ import annotations

import asyncio
import random
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeVar
from uuid import uuid4

from secureconnect_client.api.messages import Messages, message_body
from secureconnect_client.api.polls import Polls
from secureconnect_client.backoff import Backoff
from secureconnect_client.connection import Connection
from secureconnect_client.decoding import decode
from secureconnect_client.errors import ApiError, ConnectionLost, FrameRefused
from secureconnect_client.events import Event, MessageCreated
from secureconnect_client.models import Message, Poll, ReadMarker

T = TypeVar("T")
BUSY: Final = Backoff(base_s=0.5)  # the pause before a refused request is sent over HTTP
_rng: Final = random.Random()


class Commands(ABC):
    """Requests with acknowledgements. They raise ApiError, and TransportFailed if HTTP fails too."""

    _messages: Messages
    _polls: Polls
    _timeout_s: float

    @property
    @abstractmethod
    def connection(self) -> Connection | None:
        """The open socket, None while there is none."""

    @abstractmethod
    def _cursor(self, conversation_id: str) -> int | None:
        """The seq of the last event delivered."""

    @abstractmethod
    def _saw(self, event: Event) -> None:
        """Deliver an event that is known to be in the log."""

    @abstractmethod
    def _check_log(self, conversation_id: str, *, since: int | None) -> None:
        """Check the log for events after `since`.

        The server does not send a connection the events of its own requests.
        """

    async def request(self, action: str, *, timeout_s: float | None = None, **fields: Any) -> Any:
        """Request any action of the socket (`signal`, `watchPresence` …); returns the acknowledgement's data.

        Raises ApiError, and ConnectionLost if it is unknown whether the action was carried out.
        """
        if self.connection is None:
            raise ConnectionLost("there is no connection at the moment")
        return await self.connection.request(action, fields, timeout_s=timeout_s or self._timeout_s)

    async def send_message(
        self,
        conversation_id: str,
        text: str | None = None,
        *,
        client_id: str | None = None,
        timeout_s: float | None = None,
        **fields: Any,
    ) -> Message:
        body = message_body(text, client_id=client_id or uuid4().hex, **fields)
        raw = await self._try(
            "sendMessage",
            {"conversation_id": conversation_id, **body},
            read=lambda data: data,
            http=lambda: self._messages.post(conversation_id, body),
            timeout_s=timeout_s,
        )
        message = decode(Message, raw)
        if message.edited_at is None and message.deleted_at is None:
            self._saw(_created(message, raw, conversation_id))
        return message

    async def edit_message(
        self, conversation_id: str, message_id: str, text: str, *, timeout_s: float | None = None
    ) -> Message:
        since = self._cursor(conversation_id)
        message = await self._try(
            "editMessage",
            {"conversation_id": conversation_id, "message_id": message_id, "text": text},
            read=lambda data: decode(Message, data),
            http=lambda: self._messages.edit(conversation_id, message_id, text),
            timeout_s=timeout_s,
        )
        self._check_log(conversation_id, since=since)
        return message

    async def delete_message(
        self, conversation_id: str, message_id: str, *, timeout_s: float | None = None
    ) -> None:
        since = self._cursor(conversation_id)
        await self._try(
            "deleteMessage",
            {"conversation_id": conversation_id, "message_id": message_id},
            read=_nothing,
            http=lambda: self._messages.delete(conversation_id, message_id),
            timeout_s=timeout_s,
        )
        self._check_log(conversation_id, since=since)

    async def react(
        self,
        conversation_id: str,
        message_id: str,
        emoji: str,
        *,
        remove: bool = False,
        timeout_s: float | None = None,
    ) -> None:
        since = self._cursor(conversation_id)
        call = self._messages.unreact if remove else self._messages.react
        await self._try(
            "react",
            {"conversation_id": conversation_id, "message_id": message_id, "emoji": emoji, "remove": remove},
            read=_nothing,
            http=lambda: call(conversation_id, message_id, emoji),
            timeout_s=timeout_s,
        )
        self._check_log(conversation_id, since=since)

    async def vote(self, poll: Poll, option_ids: Iterable[str], *, timeout_s: float | None = None) -> Poll:
        """Vote, replacing an earlier vote. Raises also ApiError `poll_closed`, `vote_final`."""
        since, chosen = self._cursor(poll.conversation_id), [*option_ids]
        after = await self._try(
            "vote",
            {"poll_id": poll.id, "option_ids": chosen},
            read=lambda data: decode(Poll, data),
            http=lambda: self._polls.vote(poll.id, chosen),
            timeout_s=timeout_s,
        )
        self._check_log(poll.conversation_id, since=since)
        return after

    async def mark_read(
        self, conversation_id: str, seq: int, *, timeout_s: float | None = None
    ) -> ReadMarker:
        return await self._try(
            "markRead",
            {"conversation_id": conversation_id, "seq": seq},
            read=lambda data: decode(ReadMarker, data),
            http=lambda: self._messages.read(conversation_id, seq),
            timeout_s=timeout_s,
        )

    async def typing(
        self, conversation_id: str, typing: bool = True, *, timeout_s: float | None = None
    ) -> None:
        await self._try(
            "typing",
            {"conversation_id": conversation_id, "typing": typing},
            read=_nothing,
            http=lambda: self._messages.typing(conversation_id, typing),
            timeout_s=timeout_s,
        )

    async def _try(
        self,
        action: str,
        fields: Mapping[str, Any],
        *,
        read: Callable[[Any], T],
        http: Callable[[], Awaitable[T]],
        timeout_s: float | None,
    ) -> T:
        try:
            return read(await self.request(action, timeout_s=timeout_s, **fields))
        except FrameRefused:
            await asyncio.sleep(BUSY.delay(0, _rng))
        except ConnectionLost:
            pass
        except ApiError as error:
            if not error.transient:
                raise
            await asyncio.sleep(
                BUSY.delay(0, _rng, retry_after=min(error.retry_after or 0.0, self._timeout_s))
            )
        return await http()


def _created(message: Message, raw: Mapping[str, Any], conversation_id: str) -> Event:
    """The log's event for a message that was just stored; both have the same seq."""
    return MessageCreated(
        type="message.created",
        data=raw,
        conversation_id=conversation_id,
        seq=message.seq or None,
        actor_id=message.sender_id,
        at=message.created_at,
    )


def _nothing(_: Any) -> None:
    return None
