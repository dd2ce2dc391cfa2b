"""Messages: what comes in and what goes out."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from conversations.schemas import Message
from kernel.schema import Input, Output, Text
from messages import model

Id = Annotated[str, Field(min_length=1, max_length=40)]
MessageText = Annotated[Text, Field(min_length=1, max_length=model.MAX_TEXT_CHARS)]
Base64 = Annotated[
    str,
    StringConstraints(min_length=4, max_length=model.MAX_CIPHERTEXT_CHARS, pattern=r"^[A-Za-z0-9+/]+={0,2}$"),
]


class MessageFields(Input):
    """The fields of a new message, over HTTP and in the socket's `sendMessage`."""

    client_id: Annotated[Text, Field(min_length=1, max_length=64)]
    type: Literal["text", "encrypted"] = "text"
    text: MessageText | None = None
    ciphertext: Base64 | None = None
    attachment_ids: Annotated[list[Id], Field(max_length=10)] = []
    reply_to: Id | None = None
    mentions: Annotated[list[Id], Field(max_length=model.MAX_MENTIONS)] = []
    metadata: dict[str, Any] = {}

    @field_validator("metadata")
    @classmethod
    def _small(cls, metadata: dict[str, Any]) -> dict[str, Any]:
        if len(json.dumps(metadata, ensure_ascii=False, allow_nan=False).encode()) > model.MAX_METADATA_BYTES:
            raise ValueError("at most 4 KB of JSON")
        return metadata

    @field_validator("attachment_ids")
    @classmethod
    def _known_files(cls, attachment_ids: list[str]) -> list[str]:
        if attachment_ids:
            raise ValueError("there is no such file")
        return attachment_ids

    def message(self) -> model.NewMessage:
        return model.NewMessage(
            client_id=self.client_id,
            type=self.type,
            text=self.text,
            ciphertext=self.ciphertext,
            reply_to=self.reply_to,
            mentions=tuple(dict.fromkeys(self.mentions)),
            metadata=self.metadata,
        )


class Edit(Input):
    text: MessageText


class ReadMarker(Input):
    seq: Annotated[int, Field(ge=0, le=2**53)]


class Typing(Input):
    typing: bool


class MessageQuery(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)
    before: int | None = Field(default=None, ge=0)
    after: int | None = Field(default=None, ge=0)
    limit: int = Field(default=50, ge=1, le=100)
    cursor: str | None = Field(default=None, min_length=1, max_length=1024)


class MessageList(Output):
    items: list[Message]
    next_cursor: str | None


class ReadState(Output):
    read_seq: int
    unread_count: int


class Receipt(Output):
    user_id: str
    delivered_seq: int
    read_seq: int


class ReceiptList(Output):
    items: list[Receipt]
    next_cursor: str | None
