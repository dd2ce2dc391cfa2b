"""Messages: requests and answers."""

import json
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from drive.schemas import File
from kernel.schema import (
    Body,
    ClientId,
    Id,
    Input,
    Instant,
    JsonObject,
    Output,
)
from messages import model
from polls.schemas import PollOut

MessageText = Annotated[Body, Field(min_length=1, max_length=model.MAX_TEXT_CHARS)]
Base64 = Annotated[
    str,
    Field(
        min_length=4,
        max_length=model.MAX_CIPHERTEXT_CHARS,
        pattern=r"^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
    ),
]


class Forward(Input):
    """The message to forward, and its conversation."""

    conversation_id: Id
    message_id: Id


class MessageFields(Input):
    """The fields of a new message, over HTTP and in the socket's `sendMessage`."""

    client_id: ClientId
    type: Literal["text", "file", "encrypted"] | None = None  # by default the one that the content has
    text: MessageText | None = None
    ciphertext: Base64 | None = None
    attachment_ids: Annotated[list[Id], Field(max_length=10)] = []
    reply_to: Id | None = None
    thread_root: Id | None = None
    forward: Forward | None = None
    mentions: Annotated[list[Id], Field(max_length=model.MAX_MENTIONS)] = []
    metadata: JsonObject = {}

    @field_validator("metadata")
    @classmethod
    def _small(cls, metadata: dict[str, Any]) -> dict[str, Any]:
        compact = json.dumps(metadata, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        if len(compact.encode()) > model.MAX_METADATA_BYTES:
            raise ValueError("at most 4 KB of JSON")
        return metadata

    def _type_of_content(self) -> Literal["text", "file", "encrypted"]:
        if self.ciphertext is not None and self.text is None:
            return "encrypted"
        return "file" if self.attachment_ids else "text"

    def message(self) -> model.NewMessage:
        return model.NewMessage(
            client_id=self.client_id,
            type=self.type or self._type_of_content(),
            text=self.text,
            ciphertext=self.ciphertext,
            attachment_ids=tuple(dict.fromkeys(self.attachment_ids)),
            reply_to=self.reply_to,
            mentions=tuple(dict.fromkeys(self.mentions)),
            metadata=self.metadata,
            thread_root=self.thread_root,
            forward=None
            if self.forward is None
            else model.Origin(self.forward.conversation_id, self.forward.message_id),
        )


class Edit(Input):
    text: MessageText


class Reaction(Output):
    emoji: str
    count: int
    mine: bool


class Forwarded(Output):
    """The author of a forwarded message and the time of writing; its conversation is not revealed."""

    sender_id: str
    sent_at: Instant


class Message(Output):
    id: str
    conversation_id: str
    seq: int
    sender_id: str
    client_id: str
    type: Literal["text", "file", "poll", "call", "system", "encrypted"]
    text: str | None
    ciphertext: str | None
    attachments: list[File]
    mentions: list[str]
    mentions_all: bool
    reply_to: str | None
    thread_root: str | None
    thread_count: int
    forwarded_from: Forwarded | None
    pinned: bool
    reactions: list[Reaction]
    metadata: dict[str, Any]
    poll: PollOut | None
    edited_at: Instant | None
    deleted_at: Instant | None
    expires_at: Instant | None
    created_at: Instant
