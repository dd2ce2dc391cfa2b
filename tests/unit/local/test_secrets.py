"""A credential in a file is found, and what only looks like one is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from infra.local import secrets

BASE = "aB3dE5fG7hJ9kL1mN3pQ5rS7tU9vW1xY3zA5bC7d"


@pytest.mark.parametrize(
    "secret",
    [
        "-----BEGIN EC PRIVATE" + " KEY-----\n" + BASE + BASE,
        "-----BEGIN PRIVATE" + " KEY-----\n" + BASE,
        "AKIA" + "QWERTYUIOPASDFGH",
        "ghp_" + BASE,
        "github_pat_" + BASE + BASE,
        "glpat-" + BASE,
        "xoxb-" + BASE,
        "AIza" + BASE[:35],
        "sk_live_" + BASE,
        "sk-proj-" + BASE,
        "sk-ant-" + BASE,
        "npm_" + BASE[:36],
        "pypi-AgEI" + BASE + BASE,
    ],
)
def test_a_secret_in_a_file_is_found(secret: str, tmp_path: Path) -> None:
    path = tmp_path / "settings.py"
    path.write_text(f"# settings\nKEY = '{secret}'\n")
    (found,) = secrets.scan([path])
    assert found.startswith(f"{path}:2: ")
    assert secret not in found


@pytest.mark.parametrize("text", ["AKIA" + "IOSFODNN7EXAMPLE", "-----BEGIN PUBLIC KEY-----\n" + BASE, "sk-short", BASE])
def test_what_is_no_secret_is_left_alone(text: str) -> None:
    assert list(secrets.found_in(text)) == []


def test_bytes_that_are_no_text_are_looked_at_too(tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"\xff\xfe\0" + b"ghp_" + BASE.encode())
    assert len(secrets.scan([path])) == 1
