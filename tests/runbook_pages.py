"""The runbooks as tests see them: their sections, and the commands in them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.tools import ROOT

PAGES = sorted(path for path in (ROOT / "docs/runbooks").glob("*.md") if path.name != "README.md")
INDEX = ROOT / "docs/runbooks/README.md"
SHAPE = ["Symptom", "Check", "Action", "Afterwards"]
BLOCK = re.compile(r"```sh( aws)?\n(.*?)```\n(?:<!-- (says|only in AWS): ?(.*?) -->)?", re.DOTALL)
NEEDS_FUNCTIONS = re.compile(r"infra\.(invoke|admin|unlock)|infra\.show (health|deployment)")
LIMIT_S = 300
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

    @property
    def needs_functions(self) -> bool:
        """Whether it calls a function, asks the API or looks at the deployment."""
        return NEEDS_FUNCTIONS.search(self.text) is not None


def sections(page: Path) -> list[str]:
    return re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)


def blocks(page: Path) -> Iterator[Block]:
    for aws, text, kind, words in BLOCK.findall(page.read_text()):
        yield Block(text.strip(), bool(aws), words if kind == "says" else "", words if kind == "only in AWS" else "")


def operators_shell(endpoints_file: Path) -> dict[str, str]:
    """The environment of an operator who knows of a local stack what stands in this file."""
    unset = ("STACK", "STACK_NAME", "ENVIRONMENT")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return kept | {"SC_ENDPOINTS": str(endpoints_file.resolve()), "PATH": path}


@cache
def run(text: str, environment: tuple[tuple[str, str], ...]) -> tuple[int, str]:
    """What commands answer in a shell that stops at the first failure, and what they say. The same are run once."""
    words = ["bash", "-euo", "pipefail", "-c", text]
    done = subprocess.run(
        words, cwd=ROOT, env=dict(environment), capture_output=True, text=True, check=False, timeout=LIMIT_S
    )
    return done.returncode, done.stdout + done.stderr


def follow(page: Path, ran: Callable[[str], tuple[int, str]], *, with_functions: bool) -> None:
    """Run those commands of a page that run here and need the stack's functions, or those that do not."""
    found = list(blocks(page))
    settings = "\n".join(each.text for each in found if each.is_setting)
    for block in found:
        if block.aws or block.is_setting or block.needs_functions is not with_functions:
            continue
        code, said = ran(f"{settings}\n{block.text}")
        assert code == 0, f"{block.text}\n{said}"
        assert re.search(block.says, said), f"{block.text}\n{said}"
