"""The runbooks as tests see them: their sections, and the commands in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.tools import ROOT

PAGES = sorted(path for path in (ROOT / "docs/runbooks").glob("*.md") if path.name != "README.md")
INDEX = ROOT / "docs/runbooks/README.md"
SHAPE = ["Symptom", "Check", "Action", "Afterwards"]
BLOCK = re.compile(r"```sh( aws)?\n(.*?)```\n(?:<!-- (says|only in AWS): ?(.*?) -->)?", re.DOTALL)
VARIABLE = re.compile(r': "\$\{[A-Z]+:=[^}]+\}"( +#.*)?')


@dataclass(frozen=True, slots=True)
class Block:
    """Commands pasted together. `says` is what their output has to match, `only_aws` why they run there alone."""

    text: str
    aws: bool
    says: str
    only_aws: str

    @property
    def is_setting(self) -> bool:
        """Whether it only names what has to be known."""
        return all(VARIABLE.fullmatch(line) for line in self.text.splitlines())


def sections(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)


def blocks(page: Path) -> Iterator[Block]:
    for aws, text, kind, words in BLOCK.findall(page.read_text()):
        yield Block(text.strip(), bool(aws), words if kind == "says" else "", words if kind == "only in AWS" else "")
