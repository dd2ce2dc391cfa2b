"""The chats on which AI help is measured, written by hand for this purpose.

They come with questions, the messages that support the answers, searches by meaning, and a reference summary. There is
one file per language; in a line `name.tag: text`, other lines refer to the message by its tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from assistant.model import Line

CHATS = Path(__file__).parent / "chats"
LANGUAGES = ("en", "de", "ja")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question or a search, and the ids of the messages that support its answer (none if there is no answer)."""

    text: str
    support: frozenset[str]


@dataclass(slots=True)
class Chat:
    """One chat; message ids are like `kyoto-trip/3`."""

    name: str
    language: str
    lines: list[Line] = field(default_factory=list)
    questions: list[Asked] = field(default_factory=list)
    searches: list[Asked] = field(default_factory=list)
    summary: str = ""


def all_chats() -> list[Chat]:
    return [chat for language in LANGUAGES for chat in _read(language)]


def _read(language: str) -> Iterator[Chat]:
    for part in (CHATS / f"{language}.txt").read_text("utf-8").split("\n\n"):
        if part.strip():
            yield _chat(language, part.strip().splitlines())


def _chat(language: str, rows: list[str]) -> Chat:
    chat = Chat(rows[0].removeprefix("# "), language)
    tagged: dict[str, str] = {}
    for row in rows[1:]:
        mark, rest = row[0], row[2:]
        if mark == "=":
            chat.summary = rest
        elif mark in "?~":
            text, _, named = rest.rpartition(" => ")
            support = frozenset(tagged[tag] for tag in named.split(",") if tag != "none")
            (chat.questions if mark == "?" else chat.searches).append(Asked(text, support))
        else:
            head, _, text = row.partition(": ")
            name, _, tag = head.partition(".")
            seq = len(chat.lines) + 1
            message_id = f"{chat.name}/{seq}"
            tagged[tag] = message_id
            chat.lines.append(Line(message_id, chat.name, seq, name, text))
    return chat
