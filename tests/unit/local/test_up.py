"""Before anything starts, `make up` refuses what could not work."""

import dataclasses
import json
from pathlib import Path

import pytest

from infra.local import look, watch
from infra.local.config import Instance, instance
from infra.local.console import Problem
from infra.local.up import check_kept_address


@pytest.fixture
def kept(tmp_path: Path) -> Instance:
    """An instance that was up at its present port."""
    made = dataclasses.replace(instance("test", {"SC_TEST_PORT": "6000"}), home=tmp_path)
    made.endpoints_file.write_text(json.dumps({"aws_endpoint_url": made.endpoint}))
    return made


def test_data_of_another_port_are_refused_with_both_ways_out(kept: Instance) -> None:
    with pytest.raises(Problem, match=r"belong to http://127\.0\.0\.1:6000, .* at http://127\.0\.0\.1:7000") as refused:
        check_kept_address(dataclasses.replace(kept, port=7000))
    assert "python -m infra.local --instance test reset" in refused.value.advice
    assert "unset SC_TEST_PORT" in refused.value.advice


def test_data_of_the_same_port_and_no_data_are_taken(kept: Instance) -> None:
    check_kept_address(kept)
    kept.endpoints_file.unlink()
    check_kept_address(dataclasses.replace(kept, port=7000))


def test_what_wants_a_running_cloud_says_how_to_start_it(kept: Instance, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Problem, match="is not running") as watched:
        watch.watch(kept, every_s=0, times=1)
    with pytest.raises(Problem, match="is not running") as logged:
        look.logs(kept, None)
    for refused in (watched, logged):
        assert "python -m infra.local --instance test up" in refused.value.advice
    assert not look.status(kept)
    assert "Start it with python -m infra.local --instance test up" in capsys.readouterr().out
