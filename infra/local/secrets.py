"""`python -m infra.local.secrets`: finds credentials in the files of this repository.

It searches for the markers of providers' credentials and for private keys, not for random-looking texts: test keys are
no secrets, and every finding has to be one. It never prints what it found.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 2 * 1024 * 1024
KINDS: dict[str, re.Pattern[str]] = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{40}"),
    "an access key of AWS": re.compile(r"\b(?:AKIA|ASIA)(?![A-Z0-9]*EXAMPLE)[A-Z2-7]{16}\b"),
    "a token of GitHub": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{60,})"),
    "a token of GitLab": re.compile(r"\bglpat-[A-Za-z0-9_-]{20,}"),
    "a token of Slack": re.compile(r"\bxox[abeoprs]-[A-Za-z0-9-]{20,}"),
    "a key of Google": re.compile(r"\bAIza[A-Za-z0-9_-]{35}\b"),
    "a key of Stripe": re.compile(r"\b[rs]k_live_[A-Za-z0-9]{20,}"),
    "a key of OpenAI or Anthropic": re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{40,}"),
    "a token of npm": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a token of PyPI": re.compile(r"\bpypi-AgEI[A-Za-z0-9_-]{50,}"),
}


def found_in(text: str) -> Iterator[tuple[int, str]]:
    """The line and kind of each credential."""
    for kind, pattern in KINDS.items():
        for match in pattern.finditer(text):
            yield text.count("\n", 0, match.start()) + 1, kind


def files() -> list[Path]:
    """The files that git tracks or would add."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode().split("\0")
    return [ROOT / name for name in names if name]


def scan(paths: Iterable[Path]) -> list[str]:
    """The places of findings: `file:line: kind`."""
    lines: list[str] = []
    for path in paths:
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_BYTES:
            text = path.read_text(errors="replace")
            lines += [f"{path}:{line}: {kind}" for line, kind in found_in(text)]
    return lines


def main() -> int:
    looked_at = files()
    found = scan(looked_at)
    for line in found:
        print(line)
    print(f"secrets: {len(looked_at)} files looked at, {len(found)} findings")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
