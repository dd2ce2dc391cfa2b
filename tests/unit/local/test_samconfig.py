"""samconfig.toml deploys every environment the same way."""

import tomllib
from typing import Any

import pytest

from infra.local.config import ROOT

ENVIRONMENTS = ("local", "localstack", "dev", "staging", "prod")


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_names_its_stack_and_itself(environment: str) -> None:
    of = settings()[environment]
    assert of["global"]["parameters"]["stack_name"] == f"secureconnect-{environment}"
    for command in ("build", "deploy"):
        assert f"Environment={environment}" in of[command]["parameters"]["parameter_overrides"].split()


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_a_deployment_acknowledges_no_more_than_it_needs(environment: str) -> None:
    deploy = settings()[environment]["deploy"]["parameters"]
    assert deploy["capabilities"].split() == ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]


@pytest.mark.parametrize("environment", ["staging", "prod"])
def test_a_deployment_that_people_use_shows_its_changes_first(environment: str) -> None:
    assert settings()[environment]["deploy"]["parameters"]["confirm_changeset"] is True
