"""samconfig.toml deploys every environment the same way."""

import tomllib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra import forms
from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime
from infra.local.parameters import BUILT_FOR, configured, kept, main, value
from tests.tools import template

ENVIRONMENTS = ("local", "localstack", "dev", "staging", "prod")


def stack(status: str = "UPDATE_COMPLETE", **parameters: str) -> Any:
    """A CloudFormation that has this stack."""
    listed = [{"ParameterKey": name, "ParameterValue": given} for name, given in parameters.items()]

    def describe_stacks(StackName: str) -> Any:
        assert StackName == "secureconnect-prod"
        return {"Stacks": [{"StackStatus": status, "Parameters": listed}]}

    return describe_stacks


def no_stack(StackName: str) -> Any:
    message = f"Stack with id {StackName} does not exist"
    raise ClientError({"Error": {"Code": "ValidationError", "Message": message}}, "DescribeStacks")


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


def test_what_a_deployment_does_not_name_is_built_as_its_stack_has_it() -> None:
    """CloudFormation keeps such values (UsePreviousValue): layers for another processor, or functions outside of the
    network in which the cache is, would not work with them."""
    of_stack = kept("prod", stack(Architecture="arm64", CacheMode="serverless", CanaryMinutes="5", CorsOrigins=""))
    given = [*of_stack, *configured("prod"), "CacheMode=none"]
    assert "CorsOrigins=" not in given
    assert value("Architecture", given) == "arm64"
    form = forms.of(dict(word.split("=", 1) for word in given[:-1]))
    assert form.network
    assert not forms.of(dict(word.split("=", 1) for word in given)).network, "what is named counts"
    assert value("CanaryMinutes", given) == "10", "samconfig.toml names it"


def test_a_first_deployment_keeps_nothing() -> None:
    assert kept("prod", no_stack) == []
    assert kept("prod", stack("REVIEW_IN_PROGRESS", Architecture="arm64")) == []


def test_without_being_asked_no_stack_is_looked_at() -> None:
    assert main(["dev"]).split() == configured("dev")
    assert main(["--value", "Architecture", *configured("dev"), "Architecture=arm64"]) == "arm64"


def test_an_unknown_environment_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(SystemExit, match="localstack, dev, staging, prod"):
        configured("moon")
