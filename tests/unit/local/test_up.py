"""Before anything starts, `make up` refuses what could not work."""

import dataclasses
import json
from pathlib import Path

import pytest

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


def test_data_of_the_same_port_and_no_data_are_taken(kept: Instance) -> None:
    check_kept_address(kept)
    kept.endpoints_file.unlink()
    check_kept_address(dataclasses.replace(kept, port=7000))
