"""The output filter of answers: no links or images, and citations of the given messages only, renumbered in order.

It handles whole texts and streams. A stream is emitted in whole sentences or lines, so that no link can form when a
client joins two pieces.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant import sanitizer
from assistant.model import Line

_MARK = re.compile(r"[ \t]*[\[【]\s*(\d{1,4}(?:\s*[,;、]\s*\d{1,4})*)\s*[\]】]")
_END = re.compile(r"(?:(?<=[.!?。！？])[\"”'’)\]]*\s+|(?<=[。！？])|\n+)")
_LOOKBACK_CHARS = 400  # characters before a piece in which a link may have begun
_SHARP = re.compile(r"[\[\]()<>{}:/\\@.|&#%]")


@dataclass(slots=True)
class Writer:
    """Filters a provider's text piece by piece. `sources` are the lines that the provider was given, in their order."""

    sources: Sequence[Line]
    text: str = ""
    cited: list[Line] = field(default_factory=list)
    _buffer: str = ""

    def take(self, piece: str) -> str:
        """Take a piece of the text; returns the whole sentences that are ready, filtered."""
        self._buffer += piece
        ends = [found.end() for found in _END.finditer(self._buffer)]
        if not ends:
            return ""
        ready, self._buffer = self._buffer[: ends[-1]], self._buffer[ends[-1] :]
        return self._emit(ready)

    def finish(self) -> str:
        """The filtered rest of the text."""
        ready, self._buffer = self._buffer, ""
        return self._emit(ready.rstrip())

    def _emit(self, ready: str) -> str:
        tail = ready[len(ready.rstrip()) :]
        body = self._clean(ready.rstrip())
        emitted = body + tail if body else ""
        # a link may have begun in the text before
        if sanitizer.has_link(self.text[-_LOOKBACK_CHARS:] + emitted):
            emitted = _SHARP.sub(" ", _MARK.sub("", emitted))
        self.text += emitted
        return emitted

    def _clean(self, body: str) -> str:
        """A text without links, with renumbered citation marks; marks of unknown sources are removed."""
        whole = ""
        end = 0
        for found in _MARK.finditer(body):
            whole = _join(whole, body[end : found.start()]) + self._marks(found[1])
            end = found.end()
        return _join(whole, body[end:]).strip(" ")

    def _marks(self, numbers: str) -> str:
        emitted = []
        for number in re.findall(r"\d+", numbers):
            if not 1 <= int(number) <= len(self.sources):
                continue
            line = self.sources[int(number) - 1]
            if line not in self.cited:
                self.cited.append(line)
            emitted.append(f"[{self.cited.index(line) + 1}]")
        return f" {''.join(dict.fromkeys(emitted))}" if emitted else ""


def _join(whole: str, part: str) -> str:
    """A text and its next part, cleaned, with the whitespace between them."""
    bare = part.lstrip()
    between = part[: len(part) - len(bare)] or (" " if whole.endswith("]") and bare[:1].isalnum() else "")
    cleaned = sanitizer.clean(part)
    return whole + (between if whole and cleaned else "") + cleaned


def check(text: str, sources: Sequence[Line]) -> tuple[str, list[Line]]:
    """A whole text, filtered, and the lines it cites in the order of its marks."""
    writer = Writer(sources)
    writer.take(text)
    writer.finish()
    return writer.text.strip(), writer.cited


def drop_citations(text: str, cited: Sequence[Line], gone: set[str]) -> tuple[str, list[Line]]:
    """A checked text and its cited lines without those messages (ids in `gone`), renumbered."""
    if not any(line.message_id in gone for line in cited):
        return text, list(cited)
    kept = [line for line in cited if line.message_id not in gone]

    def again(found: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", found[1])]
        lines = [cited[number - 1] for number in numbers if 1 <= number <= len(cited)]
        marks = [f"[{kept.index(line) + 1}]" for line in lines if line in kept]
        return f" {''.join(marks)}" if marks else ""

    return _MARK.sub(again, text), kept
