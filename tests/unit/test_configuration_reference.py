"""The reference of settings tells of every parameter and every variable, and takes both from what reads them."""

from __future__ import annotations

import re

import pytest

from infra.documents import configuration_reference as reference

pytestmark = pytest.mark.usefixtures("settings", "no_sockets")
# switches that one place reads: conversations.service and operations.consumers.lookout
ELSEWHERE = {"AI_MODERATION", "CANARY"}


def test_every_setting_names_the_variables_that_it_is_read_from() -> None:
    settings = reference.settings()
    assert len(settings) > 50
    assert [each.name for each in settings if not each.variables] == []


def test_every_variable_that_the_templates_set_is_told_of() -> None:
    told = {variable for each in reference.settings() for variable in each.variables}
    assert reference._sources().keys() - told == ELSEWHERE


def test_a_setting_has_its_type_its_default_and_the_parameter_that_it_comes_from(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SOCKET_FRAMES", "7")  # whatever the writer's own environment is
    text = reference.text()
    assert "| `SOCKET_FRAMES` | `socket_frames` | int | 120 | `SocketFrames` |" in text
    assert "| `LOOPBACK_TARGETS` | `loopback_targets` | bool | off | `LoopbackTargets` |" in text
    assert "| `ENVIRONMENT` | `environment` | str | must be set | `Environment` |" in text
    assert "| `DRIVE_VERSIONS_KEPT` | `drive_versions_kept` | int | 20 | `DriveVersionsKept` |" in text
    assert "| `QUEUE_URLS` | `queue_urls` | Mapping[str, str] |  | the templates |" in text


def test_every_parameter_says_what_it_does() -> None:
    rows = re.findall(r"^\| `([A-Z][a-z]\w+)` \| ([^|]+) \| ([^|]*) \| (.*) \|$", reference.text(), re.MULTILINE)
    assert len(rows) > 50
    assert [name for name, _, _, says in rows if not says] == []
