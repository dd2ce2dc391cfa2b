"""`python -m infra.local.parameters [--kept] ENVIRONMENT`: the parameters of a deployment, and its runtime.

They are those of samconfig.toml, because SAM takes parameters from the command line or from there, not from both.
`--kept` prints those of the environment's stack in AWS before them. A deployment keeps the values that it does not name
(UsePreviousValue in SAM's deployer), so whatever is built and checked before has to know them.
`--value PythonRuntime|Architecture NAME=VALUE …` prints the runtime or processor of the layers.
"""

import sys
import tomllib
from collections.abc import Callable
from typing import Any

from infra.local.config import DEFAULT_RUNTIME, ROOT, RUNTIMES, python_runtime

CONFIG = ROOT / "samconfig.toml"
BUILT_FOR = {"PythonRuntime": DEFAULT_RUNTIME, "Architecture": "x86_64"}  # the defaults of template.yaml


def configured(environment: str) -> list[str]:
    """An environment's parameters in samconfig.toml, and the runtime: the local cloud only has this Python.

    Raises:
        SystemExit: there is no such environment.
    """
    settings = tomllib.loads(CONFIG.read_text())
    if environment not in settings:
        known = ", ".join(name for name, values in settings.items() if isinstance(values, dict) and "deploy" in values)
        raise SystemExit(f"samconfig.toml has no environment {environment!r}; it has {known}")
    words: str = settings[environment]["deploy"]["parameters"]["parameter_overrides"]
    own = environment == "local" and python_runtime() in RUNTIMES
    return [*words.split(), f"PythonRuntime={python_runtime() if own else DEFAULT_RUNTIME}"]


def kept(environment: str, describe_stacks: Callable[..., Any]) -> list[str]:
    """The parameters that the environment's stack has; none if there is no stack.

    Raises:
        ClientError: CloudFormation refuses the question.
    """
    from botocore.exceptions import ClientError

    try:
        (stack,) = describe_stacks(StackName=stack_name(environment))["Stacks"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":  # "Stack with id … does not exist"
            return []
        raise
    if stack["StackStatus"] == "REVIEW_IN_PROGRESS":  # a change set of a first deployment that was not executed
        return []
    found = ((each["ParameterKey"], each["ParameterValue"]) for each in stack.get("Parameters", ()))
    return [f"{name}={value}" for name, value in found if value]


def value(name: str, given: list[str]) -> str:
    """The value of one parameter in a deployment with these; of several values the last counts."""
    defaults = [f"{each}={default}" for each, default in BUILT_FOR.items()]
    return [word.removeprefix(f"{name}=") for word in [*defaults, *given] if word.startswith(f"{name}=")][-1]


def stack_name(environment: str) -> str:
    name: str = tomllib.loads(CONFIG.read_text())[environment]["global"]["parameters"]["stack_name"]
    return name


def _region(environment: str) -> str:
    name: str = tomllib.loads(CONFIG.read_text())[environment]["global"]["parameters"]["region"]
    return name


def main(words: list[str]) -> str:
    if words[0] == "--value":
        return value(words[1], words[2:])
    if words[0] != "--kept":
        return " ".join(configured(words[0]))
    import boto3

    environment = words[1]
    own = configured(environment)  # first, because it refuses an unknown environment
    return " ".join([*kept(environment, boto3.client("cloudformation", _region(environment)).describe_stacks), *own])


if __name__ == "__main__":
    print(main(sys.argv[1:]))
