"""samconfig.toml deploys every environment the same way."""

import tomllib
from typing import Any

import pytest

from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime
from infra.local.parameters import configured, runtime

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


@pytest.mark.parametrize("environment", sorted(set(ENVIRONMENTS) - {"local"}))
def test_what_is_configured_is_deployed_with_the_default_runtime(environment: str) -> None:
    given = settings()[environment]["deploy"]["parameters"]["parameter_overrides"].split()
    assert configured(environment) == [*given, f"PythonRuntime={DEFAULT_RUNTIME}"]


def test_the_local_cloud_is_told_a_runtime_that_the_template_allows() -> None:
    told = runtime(configured("local"))
    assert told == (python_runtime() if python_runtime() in RUNTIMES else DEFAULT_RUNTIME)


def test_a_runtime_that_is_asked_for_is_the_one_that_layers_are_built_for() -> None:
    assert runtime([*configured("dev"), "PythonRuntime=python3.14"]) == "python3.14"


def test_an_unknown_environment_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SystemExit, match="localstack, dev, staging, prod"):
        configured("moon")
