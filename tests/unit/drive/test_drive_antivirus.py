"""The antivirus port: clamd."""

from __future__ import annotations

import socket

import pytest

from drive.uploads import antivirus
from kernel import config
from kernel.blobs import Blob
from kernel.errors import DependencyUnavailable
from tests.support import clamd


@pytest.mark.parametrize(("content", "verdict"), [(b"harmless", "clean"), (b"a virus", "infected")])
def test_clamd_is_asked_in_a_stream(content: bytes, verdict: str) -> None:
    with clamd.running() as present:
        scanner = antivirus.Clamd("127.0.0.1", present.port)
        scanner.feed(content)
        assert scanner.verdict(Blob("k", "v", len(content))) == verdict
    assert present.heard == [content]


def test_a_clamd_that_is_away_is_a_dependency_that_is_away() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(DependencyUnavailable):
        antivirus.Clamd("127.0.0.1", port)


@pytest.mark.parametrize("setting", ["clamd", "clamd:host", "clamd:host:x", "other"])
def test_a_wrong_setting_of_the_antivirus_is_named(settings: pytest.MonkeyPatch, setting: str) -> None:
    settings.setenv("ANTIVIRUS", setting)
    config.config.cache_clear()
    with pytest.raises(config.ConfigurationError, match="ANTIVIRUS"):
        antivirus.scanner()
