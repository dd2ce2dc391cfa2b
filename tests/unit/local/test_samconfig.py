"""samconfig.toml deploys every environment the same way."""

import tomllib
from typing import Any

import pytest

from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime
from infra.local.parameters import BUILT_FOR, configured, value
from tests.tools import template

ENVIRONMENTS = ("local", "localstack", "dev", "staging", "prod")


def settings() -> dict[str, Any]:
    return tomllib.loads((ROOT / "samconfig.toml").read_text())


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_an_environment_names_its_stack_and_itself(environment: str) -> None:
    of = settings()[environment]
    assert of["global"]["parameters"]["stack_name"] == f"secureconnect-{environment}"
    for command in {"build", "deploy"} & of.keys():
        assert f"Environment={environment}" in of[command]["parameters"]["parameter_overrides"].split()


def test_all_environments_but_the_local_one_are_built_by_sam() -> None:
    assert {name for name in ENVIRONMENTS if "build" in settings()[name]} == set(ENVIRONMENTS) - {"local"}


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
    told = value("PythonRuntime", configured("local"))
    assert told == (python_runtime() if python_runtime() in RUNTIMES else DEFAULT_RUNTIME)


@pytest.mark.parametrize(("name", "asked"), [("PythonRuntime", "python3.14"), ("Architecture", "arm64")])
def test_what_is_asked_for_is_what_layers_are_built_for(name: str, asked: str) -> None:
    assert value(name, [*configured("dev"), f"{name}={asked}"]) == asked


@pytest.mark.parametrize("name", BUILT_FOR)
def test_what_nobody_asks_for_is_the_templates_default(name: str) -> None:
    assert value(name, []) == template("template.yaml")["Parameters"][name]["Default"]


def test_an_unknown_environment_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SystemExit, match="localstack, dev, staging, prod"):
        configured("moon")
