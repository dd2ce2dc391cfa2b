"""The bill of materials names what is locked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from infra.building import sbom


def test_the_bill_has_each_locked_package_once() -> None:
    bill = json.loads(sbom.of_functions())
    listed = [(each["name"], each["version"]) for each in bill["components"]]
    assert sorted(listed) == sorted(sbom.locked())
    assert bill["specVersion"] == "1.6"
    assert {each["purl"].split("/")[0] for each in bill["components"]} == {"pkg:pypi"}


def test_a_package_tells_the_layers_that_it_is_in() -> None:
    bill = json.loads(sbom.of_functions())
    (pillow,) = [each for each in bill["components"] if each["name"] == "pillow"]
    assert pillow["properties"] == [{"name": "secureconnect:layer", "value": "media"}]


def test_a_line_that_pins_nothing_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "runtime").mkdir()
    (tmp_path / "runtime" / "requirements.txt").write_text("# packages\nsix>=1.0\n")
    monkeypatch.setattr(sbom, "LAYERS", tmp_path)
    monkeypatch.setattr(sbom, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="pins no version"):
        sbom.locked()
