"""The stack that an operator's command works on: one in AWS by its name, or the local one."""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

ROOT = Path(__file__).resolve().parent.parent
ENDPOINTS = ROOT / ".local" / "endpoints.json"
ANSWER_WAIT_S = 5
CONNECTIONS = 40  # concurrent connections of a client


def arguments_about_an_account(
    prog: str, description: str, *, option: str, help: str, given: Sequence[str] | None
) -> tuple[str, bool]:
    """Read `USERNAME [--stack NAME] [option]`, use that stack, and return the name and whether the option was given."""
    parser = argparse.ArgumentParser(prog=prog, description=description)
    parser.add_argument("username", help="a username or e-mail address")
    add_option(parser)
    parser.add_argument(option, dest="optional", action="store_true", help=help)
    chosen = parser.parse_args(given)
    use(chosen.stack)
    return chosen.username, chosen.optional


def add_option(parser: argparse.ArgumentParser) -> None:
    help_text = "the stack's name in AWS, if STACK does not say it; without both the local stack"
    parser.add_argument("--stack", default=os.environ.get("STACK") or None, help=help_text)


def client(service: str) -> Any:
    """An AWS client for the chosen stack; it waits longer than the clients of functions, and any thread may use it."""
    return _client(service, os.environ.get("AWS_REGION"), os.environ.get("AWS_ENDPOINT_URL"))


@cache
def _client(service: str, region: str | None, endpoint: str | None) -> Any:
    """One client for each address, cached because making one reads some megabytes."""
    import boto3
    from botocore.config import Config

    patient = Config(retries={"mode": "adaptive", "max_attempts": 10}, max_pool_connections=CONNECTIONS)
    made: Any = boto3.session.Session().client(service, region_name=region, endpoint_url=endpoint, config=patient)  # type: ignore[call-overload]
    return made


def own_part(stack: str, full_name: str) -> str | None:
    """The name of a table, queue, function or schedule without the stack's; None if it belongs to no or another stack.

    No such name of ours has a hyphen, but for the `-dead` of dead letters, so those of a stack called `NAME-eu` are not
    taken for those of `NAME`.
    """
    found = re.fullmatch(rf"{re.escape(stack)}-(\w+(?:-dead)?)", full_name)
    return found and found[1]


def http_url() -> str:
    """The URL of the chosen stack's REST API."""
    if os.environ["ENVIRONMENT"] == "local":
        found: str = json.loads(Path(os.environ.get("SC_ENDPOINTS", ENDPOINTS)).read_text())["http_url"]
        return found
    (stack,) = client("cloudformation").describe_stacks(StackName=os.environ["STACK_NAME"])["Stacks"]
    return next(str(each["OutputValue"]) for each in stack["Outputs"] if each["OutputKey"] == "HttpUrl")


def account(username: str) -> str:
    """The id of the person with this username or e-mail address; raises SystemExit if there is none."""
    from accounts import admin_api as accounts

    user_id = accounts.user_id_of(username)
    if user_id is None:
        raise nobody(username)
    return user_id


def nobody(username: str) -> SystemExit:
    """What a command says that was given the name of no account."""
    return SystemExit(f"there is nobody called {username}: look for another spelling, or register the account first")


def use_queues(**variables: str) -> None:
    """Set the queue URLs in this process's environment as functions have them: variable → the queue's name.

    Call it before anything reads the configuration, which a process does only once.
    """
    for variable, name in variables.items():
        found = client("sqs").get_queue_url(QueueName=f"{os.environ['STACK_NAME']}-{name}")
        os.environ[variable] = found["QueueUrl"]


def use(name: str | None) -> None:
    """Point this process, with the product's own modules, to a stack; raises SystemExit if no local one runs."""
    sys.path[:0] = [str(ROOT / "layers/shared"), str(ROOT / "functions")]
    if name is None:
        _use_the_local_one(Path(os.environ.get("SC_ENDPOINTS", ENDPOINTS)))
    else:
        os.environ.setdefault("ENVIRONMENT", "prod")
        os.environ["STACK_NAME"] = name


def _use_the_local_one(endpoints: Path) -> None:
    """Point this process to the local stack with the addresses in this file; raises SystemExit unless it runs."""
    if not endpoints.exists():
        raise SystemExit("there is no local stack: run `make up`, or name the stack with --stack")
    addresses = json.loads(endpoints.read_text())
    where = urlsplit(addresses["aws_endpoint_url"])
    try:
        socket.create_connection((where.hostname, where.port), timeout=ANSWER_WAIT_S).close()
    except OSError:
        raise SystemExit("the local stack does not run: start it with `make up`") from None
    os.environ["ENVIRONMENT"] = "local"
    os.environ["STACK_NAME"] = addresses["stack"]
    os.environ["AWS_REGION"] = addresses["region"]
    os.environ["AWS_ENDPOINT_URL"] = addresses["aws_endpoint_url"]
    os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
    os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")
