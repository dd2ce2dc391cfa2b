"""What can be asked over the socket, and its way out: the same call over HTTP when the socket fails.

A call whose acknowledgement is lost may have been done. Repeating it over HTTP is safe, since a message
keeps its `client_id` and everything else sets a state.
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
BUSY: Final = Backoff(base_s=0.5)  # before what the socket had no room for goes over HTTP
_rng: Final = random.Random()


class Commands(ABC):
    """Requests with acknowledgements. All of them raise ApiError, and TransportFailed when HTTP fails too."""

    _messages: Messages
    _polls: Polls
    _timeout_s: float

    @property
    @abstractmethod
    def connection(self) -> Connection | None:
        """The open socket, if there is one at the moment."""

    @abstractmethod
    def _cursor(self, conversation_id: str) -> int | None:
        """The last seq delivered."""

    @abstractmethod
    def _saw(self, event: Event) -> None:
        """This event is known to be in the log."""

    @abstractmethod
    def _suspect(self, conversation_id: str, *, since: int | None) -> None:
        """The log may hold something after `since` that no socket will bring: a connection need not be
        told of what it did itself."""

    async def request(self, action: str, *, timeout_s: float | None = None, **fields: Any) -> Any:
        """Any action of the socket (`signal`, `watchPresence` …); the acknowledgement's data.

        Raises ApiError, and ConnectionLost when it is not known whether it was done.
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
        self._suspect(conversation_id, since=since)
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
        self._suspect(conversation_id, since=since)

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
        self._suspect(conversation_id, since=since)

    async def vote(self, poll: Poll, option_ids: Iterable[str], *, timeout_s: float | None = None) -> Poll:
        """Vote, in place of one's vote before. Raises ApiError `poll_closed`, `vote_final` as well."""
        since, chosen = self._cursor(poll.conversation_id), [*option_ids]
        after = await self._try(
            "vote",
            {"poll_id": poll.id, "option_ids": chosen},
            read=lambda data: decode(Poll, data),
            http=lambda: self._polls.vote(poll.id, chosen),
            timeout_s=timeout_s,
        )
        self._suspect(poll.conversation_id, since=since)
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
    """The log's event for a message that was just stored: the message's seq is the event's."""
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
