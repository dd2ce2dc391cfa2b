"""Answers as they leave us: no link, no image, and citations of messages that were given, numbered as they come.

Works on whole texts and on streams alike: a stream is cut where a sentence or a line ends, so that nothing that is
told apart in two pieces becomes a link when a client puts them together again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from assistant import neutral
from assistant.model import Line

_MARK = re.compile(r"[ \t]*[\[【]\s*(\d{1,4}(?:\s*[,;、]\s*\d{1,4})*)\s*[\]】]")
_END = re.compile(r"(?:(?<=[.!?。！？])[\"”'’)\]]*\s+|(?<=[。！？])|\n+)")
_LOOK_BACK = 400  # characters before a piece in which a link may have begun
_SHARP = re.compile(r"[\[\]()<>{}:/\\@.|&#%]")


@dataclass(slots=True)
class Writer:
    """Takes a provider's text piece by piece and gives what may be shown of it. `given` are the lines it was told."""

    given: Sequence[Line]
    text: str = ""
    cited: list[Line] = field(default_factory=list)
    _waiting: str = ""

    def take(self, piece: str) -> str:
        """Take more of the text; returns what can be shown now: whole sentences, or nothing yet."""
        self._waiting += piece
        ends = [found.end() for found in _END.finditer(self._waiting)]
        if not ends:
            return ""
        ready, self._waiting = self._waiting[: ends[-1]], self._waiting[ends[-1] :]
        return self._show(ready)

    def finish(self) -> str:
        """What is left to show at the end."""
        ready, self._waiting = self._waiting, ""
        return self._show(ready.rstrip())

    def _show(self, ready: str) -> str:
        tail = ready[len(ready.rstrip()) :]
        body = self._cleaned(ready.rstrip())
        shown = body + tail if body else ""
        if neutral.leads_somewhere(self.text[-_LOOK_BACK:] + shown):
            shown = _SHARP.sub(" ", _MARK.sub("", shown))
        self.text += shown
        return shown

    def _cleaned(self, body: str) -> str:
        """A text without links, its marks numbered anew; marks of nothing that was given are dropped."""
        whole = ""
        end = 0
        for found in _MARK.finditer(body):
            whole = _joined(whole, body[end : found.start()]) + self._marks(found[1])
            end = found.end()
        return _joined(whole, body[end:]).strip(" ")

    def _marks(self, numbers: str) -> str:
        shown = []
        for number in re.findall(r"\d+", numbers):
            if not 1 <= int(number) <= len(self.given):
                continue
            line = self.given[int(number) - 1]
            if line not in self.cited:
                self.cited.append(line)
            shown.append(f"[{self.cited.index(line) + 1}]")
        return f" {''.join(dict.fromkeys(shown))}" if shown else ""


def _joined(whole: str, part: str) -> str:
    """A text and the next part of it, cleaned, with the space or line that stood before that part."""
    bare = part.lstrip()
    between = part[: len(part) - len(bare)] or (" " if whole.endswith("]") and bare[:1].isalnum() else "")
    cleaned = neutral.clean(part)
    return whole + (between if whole and cleaned else "") + cleaned


def checked(text: str, given: Sequence[Line]) -> tuple[str, list[Line]]:
    """A whole text as it may be shown, and the lines it cites in the order of its marks."""
    writer = Writer(given)
    writer.take(text)
    writer.finish()
    return writer.text.strip(), writer.cited


def without(text: str, cited: Sequence[Line], gone: set[str]) -> tuple[str, list[Line]]:
    """A checked text without its marks of messages (by id) that may not be cited any more."""
    if not any(line.message_id in gone for line in cited):
        return text, list(cited)
    kept = [line for line in cited if line.message_id not in gone]

    def again(found: re.Match[str]) -> str:
        numbers = [int(number) for number in re.findall(r"\d+", found[1])]
        lines = [cited[number - 1] for number in numbers if 1 <= number <= len(cited)]
        marks = [f"[{kept.index(line) + 1}]" for line in lines if line in kept]
        return f" {''.join(marks)}" if marks else ""

    return _MARK.sub(again, text), kept
