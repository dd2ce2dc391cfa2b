"""The local cloud's server starts where the system does not raise the number of open files."""

from __future__ import annotations

import resource
import signal
import sys
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn

from infra.local import serving


def test_the_local_cloud_is_served_where_the_number_of_open_files_cannot_be_raised(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served: list[dict[str, Any]] = []

    def refuse(*_: object) -> None:
        raise ValueError("current limit exceeds maximum limit")

    monkeypatch.setattr(resource, "setrlimit", refuse)
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setitem(sys.modules, "ministack.app", SimpleNamespace(app=None))
    monkeypatch.setattr(uvicorn, "run", lambda _app, **settings: served.append(settings))
    monkeypatch.setenv("BIND_HOST", "127.0.0.1")
    monkeypatch.setenv("GATEWAY_PORT", "4566")
    serving.serve()
    assert [each["port"] for each in served] == [4566]
