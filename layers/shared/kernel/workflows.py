"""State machines of Step Functions: start and stop an execution by a name that the caller chooses."""

from __future__ import annotations

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from kernel import aws
from kernel.config import config
from kernel.errors import DependencyUnavailable


def start(machine: str, name: str, given: dict[str, Any]) -> None:
    """Start an execution of a machine, unless one with this name (≤ 80 characters) was started before.

    Raises DependencyUnavailable if Step Functions does not accept it.
    """
    arn = config().state_machine(machine)
    _call("start_execution", ("ExecutionAlreadyExists",), stateMachineArn=arn, name=name, input=json.dumps(given))


def stop(machine: str, name: str) -> None:
    """Stop an execution; one that has ended or never existed is fine.

    Raises DependencyUnavailable if Step Functions does not answer.
    """
    arn = config().state_machine(machine).replace(":stateMachine:", ":execution:", 1)
    ended = ("ExecutionDoesNotExist", "ValidationException")
    _call("stop_execution", ended, executionArn=f"{arn}:{name}")


def _call(operation: str, fine: tuple[str, ...], **arguments: Any) -> None:
    try:
        getattr(aws.client("stepfunctions"), operation)(**arguments)
    except ClientError as error:
        if error.response["Error"]["Code"] not in fine:
            raise DependencyUnavailable from error
    except BotoCoreError as error:
        raise DependencyUnavailable from error
