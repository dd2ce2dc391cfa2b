"""The local cloud is corrected where it is known, and refuses to start where it has changed."""

from __future__ import annotations

import re
import sys
from types import ModuleType

import pytest

from infra.local import patching


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    made = ModuleType("some_cloud")
    made.__dict__.update(PAUSE_S=0.05, answer=lambda: 1)
    monkeypatch.setitem(sys.modules, "some_cloud", made)
    return made


def test_a_function_and_a_constant_are_replaced(module: ModuleType) -> None:
    patching.wrap("some_cloud", "answer", lambda original: lambda: original() + 1)
    patching.put("some_cloud", "PAUSE_S", 0.002)
    assert (module.answer(), module.PAUSE_S) == (2, 0.002)


@pytest.mark.usefixtures("module")
def test_a_function_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match=re.escape("has no some_cloud.PAUSE_S")):
        patching.wrap("some_cloud", "PAUSE_S", lambda original: original)


@pytest.mark.usefixtures("module")
@pytest.mark.parametrize("name", ["answer", "GAP_S"])
def test_a_constant_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(SystemExit, match=re.escape(f"has no some_cloud.{name}")):
        patching.put("some_cloud", name, 1)
