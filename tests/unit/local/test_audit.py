"""What pip-audit says is told apart from its silence."""

import json
from typing import Any

import pytest

from infra.local.audit import report, report_web


def answer(*packages: dict[str, Any]) -> str:
    return json.dumps({"dependencies": list(packages)})


def test_a_service_that_does_not_answer_is_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    assert report("") == 0
    assert "cannot be reached" in capsys.readouterr().out


def test_a_service_that_knows_no_package_is_not_taken_for_good_news(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(answer({"name": "six", "skip_reason": "not found"})) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_vulnerability_fails_and_names_the_version_to_take(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"id": "PYSEC-1", "fix_versions": ["2.0"]}
    assert report(answer({"name": "six", "version": "1.0", "vulns": [problem]})) == 1
    assert "six 1.0 has PYSEC-1; fixed in 2.0" in capsys.readouterr().out


@pytest.mark.parametrize("answer", ["", "npm error", '{"error": {"code": "E405"}}'])
def test_a_registry_without_advisories_is_no_failure(answer: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert report_web(answer) == 0
    assert "skipped" in capsys.readouterr().out


def test_a_vulnerable_package_of_the_web_client_fails(capsys: pytest.CaptureFixture[str]) -> None:
    answer = json.dumps({"vulnerabilities": {"left-pad": {"severity": "high", "range": "<1.3.0"}}})
    assert report_web(answer) == 1
    assert "left-pad <1.3.0 has a vulnerability (high)" in capsys.readouterr().out


def test_a_web_client_without_vulnerabilities_passes() -> None:
    assert report_web('{"vulnerabilities": {}}') == 0
