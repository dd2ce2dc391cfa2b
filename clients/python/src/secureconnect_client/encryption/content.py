"""The application data of encrypted messages."""

from __future__ import annotations

import hashlib
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, NoReturn

from secureconnect_client.encryption.files import SealedFile

PADDED_TO = 128  # bytes: contents are padded with spaces, so that their size reveals little
CHANGES_PADDED_TO = 256  # all but edits, and votes for many options, have one size
MAX_BARS = 100  # of a waveform
MIN_OPTIONS, MAX_OPTIONS = 2, 20


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice message, whose recording is the message's only file.

    `waveform` has loudness values from 0 to 100.
    """

    duration_ms: int
    waveform: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PollContent:
    """A poll, whose question is the message's text. Options are counted from 0."""

    options: tuple[str, ...]
    multiple: bool = False

    def accepts(self, vote: Sequence[int]) -> bool:
        """Whether these options can be chosen together; none withdraws a vote."""
        return (self.multiple or len(vote) <= 1) and all(0 <= each < len(self.options) for each in vote)


@dataclass(frozen=True, slots=True)
class Meant:
    """A message that another one is about: its id, and the hash of its ciphertext (`hash_of`).

    The server gives ids, so it could exchange two; it cannot make two ciphertexts with one hash. There is no
    hash for a message from before the encryption, or that an earlier version of the client has read.
    """

    of: str
    hash: str | None = None


@dataclass(frozen=True, slots=True)
class Content:
    """The decrypted content of a message."""

    text: str
    files: tuple[SealedFile, ...] = ()
    voice: Voice | None = None
    poll: PollContent | None = None
    reply: Meant | None = None


def hash_of(ciphertext: str) -> str:
    """The SHA-256 of a ciphertext, both in base64. Raises ValueError for what is no base64."""
    return b64encode(hashlib.sha256(b64decode(ciphertext)).digest()).decode()


def packed(content: Content) -> bytes:
    """The application data of a message."""
    fields = {name: value for name, value in asdict(content).items() if value or name == "text"}
    return padded(fields, PADDED_TO)


def padded(fields: Mapping[str, Any], to: int) -> bytes:
    """The JSON of these fields as application data, padded to a multiple of so many bytes."""
    plain = json.dumps(fields, ensure_ascii=False).encode()
    return plain + b" " * (-len(plain) % to)


def fields_in(data: bytes) -> dict[str, Any]:
    """The JSON object in application data; empty if it is none.

    Any member may have made it, so nothing in it raises an error. It means the same as in the web client: 1.0
    is a whole number, and NaN is no JSON. Half a surrogate pair, which cannot be stored, becomes "?".
    """
    try:
        found = json.loads(
            data.decode("utf-8-sig"), parse_int=_number, parse_float=_number, parse_constant=_refuse
        )
        found = json.loads(json.dumps(found, ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def unpacked(data: bytes) -> Content | None:
    """The content of application data; None if this client cannot read it. Unknown fields are ignored."""
    fields = fields_in(data)
    if not isinstance(fields.get("text"), str):
        return None
    return Content(
        fields["text"],
        files_of(fields.get("files")),
        voice_of(fields.get("voice")),
        poll_of(fields.get("poll")),
        meant_of(fields.get("reply")),
    )


def meant_of(given: Any) -> Meant | None:
    """The name of a message; None if it is none."""
    if not isinstance(given, dict) or not isinstance(given.get("of"), str):
        return None
    hash_ = given.get("hash")
    return Meant(given["of"], hash_ if isinstance(hash_, str) else None)


def voice_of(given: Any) -> Voice | None:
    """The description of a voice message; None if it is none."""
    if not isinstance(given, dict) or not isinstance(given.get("waveform"), list):
        return None
    numbers = [given.get("duration_ms"), *given["waveform"]]
    if not all(type(each) in (int, float) and isfinite(each) for each in numbers):
        return None
    return Voice(int(given["duration_ms"]), tuple(int(each) for each in given["waveform"][:MAX_BARS]))


def poll_of(given: Any) -> PollContent | None:
    """The poll of a message; None if it is none."""
    options = given.get("options") if isinstance(given, dict) else None
    if not isinstance(options, list) or not MIN_OPTIONS <= len(options) <= MAX_OPTIONS:
        return None
    if not all(isinstance(each, str) for each in options):
        return None
    return PollContent(tuple(options), given.get("multiple") is True)


def files_of(given: Any) -> tuple[SealedFile, ...]:
    """The files that a message describes; invalid descriptions are ignored."""
    found = (_file(each) for each in (given if isinstance(given, list) else ()))
    return tuple(each for each in found if each is not None)


def _file(given: Any) -> SealedFile | None:
    names = SealedFile.__slots__
    if not isinstance(given, dict) or any(name not in given for name in names):
        return None
    texts = [given[name] for name in names if name != "size"]
    if not all(isinstance(each, str) for each in texts) or not isinstance(given["size"], int):
        return None
    return SealedFile(**{name: given[name] for name in names})
