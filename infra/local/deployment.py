"""Deploys into an instance: artifacts and templates go to a bucket, CloudFormation and Lambda take them from there.

This is what `sam deploy` does, in a tenth of its time. Where templates and layers are those of the last deployment,
only Lambda is told of new code. Then CloudFormation's idea of the code is an older one; so after each deployment the
functions are compared with the code that they are to have.
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from infra import web
from infra.local import templates
from infra.local.artifacts import FUNCTIONS
from infra.local.config import STACK, Instance
from infra.local.console import Step
from infra.local.parameters import configured
from infra.local.stack import DEPLOYED, Stack

BUCKET = f"{STACK}-packages"
CODE_KEY = "functions.zip"  # of code that only Lambda is told of; the next one replaces it
CAPABILITIES = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
UPDATES_AT_ONCE = 4
POLL_S = 0.3


class Refused(Exception):
    """CloudFormation did not begin; the message has its words."""


class Failed(Exception):
    """CloudFormation began, and did not end well; the stack's events tell why."""


def parameters(instance: Instance, *, antivirus: str) -> list[str]:
    """The deployment's parameters: those of samconfig.toml, and those that depend on this machine."""
    given = [*configured("local"), f"RedisUrl={instance.redis_url}", f"Antivirus={antivirus}"]
    if instance.name == "test":
        given.append("AiTranscriptions=transcribe")  # the tests have a server in place of Transcribe
    served = [] if web.missing() else [f"PublicUrl={instance.web_url}#", f"CorsOrigins={instance.endpoint}"]
    return [*given, *served]


def deploy(
    stack: Stack,
    artifacts: Mapping[str, Path],
    given: list[str],
    current: Step,
    *,
    force: bool = False,
    root: Path = templates.ROOT,
) -> None:
    """Deploy a root template and artifacts (by name: `functions`, and the layers' logical ids) with these parameters.

    Raises:
        Refused: CloudFormation refused the templates or parameters.
        Failed: CloudFormation could not deploy them.
    """
    marker = stack.instance.deployed_file
    keys = {name: path.name for name, path in artifacts.items()}
    wanted = f"{templates.packaged(keys | {FUNCTIONS: CODE_KEY}, BUCKET, root=root).root} {' '.join(given)}"
    same = marker.exists() and marker.read_text() == wanted and stack.status() in DEPLOYED
    if force or not same:
        marker.unlink(missing_ok=True)
        package = templates.packaged(keys, BUCKET, root=root)
        _upload(stack, {path.name: path for path in artifacts.values()}, package.files)
        _deploy_stack(stack, package.root, given, current)
        marker.write_text(wanted)
    changed = update_code(stack, artifacts[FUNCTIONS])
    if force or not same:
        current.note = f"{len(stack.functions())} functions"
    else:
        current.note = f"code of {changed} functions" if changed else "unchanged"


def update_code(stack: Stack, artifact: Path) -> int:
    """Have all functions run this code; returns how many ran other code."""
    code = artifact.read_bytes()
    wanted = base64.b64encode(hashlib.sha256(code).digest()).decode()
    functions = stack.client("lambda")
    pages = functions.get_paginator("list_functions").paginate()
    running = {each["FunctionName"]: each["CodeSha256"] for page in pages for each in page["Functions"]}
    if all(each == wanted for each in running.values()):
        return 0
    changed = [name for name in stack.functions().values() if running[name] != wanted]
    if changed:
        stack.client("s3").put_object(Bucket=BUCKET, Key=CODE_KEY, Body=code)

    def update(name: str) -> None:
        functions.update_function_code(FunctionName=name, S3Bucket=BUCKET, S3Key=CODE_KEY)

    with ThreadPoolExecutor(UPDATES_AT_ONCE) as threads:
        list(threads.map(update, changed))
    return len(changed)


def _upload(stack: Stack, artifacts: Mapping[str, Path], files: Mapping[str, bytes]) -> None:
    """Upload what the bucket does not have."""
    storage = stack.client("s3")
    storage.create_bucket(Bucket=BUCKET)
    pages = storage.get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    there = {each["Key"] for page in pages for each in page.get("Contents", ())}
    for key, path in artifacts.items():
        if key not in there:
            storage.put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    for key, content in files.items():
        if key not in there:
            storage.put_object(Bucket=BUCKET, Key=key, Body=content)


def _deploy_stack(stack: Stack, root: str, given: list[str], current: Step) -> None:
    values = dict(each.split("=", 1) for each in given)
    request: dict[str, Any] = {
        "StackName": stack.name,
        "TemplateURL": f"https://s3.amazonaws.com/{BUCKET}/{root}",
        "Parameters": [{"ParameterKey": name, "ParameterValue": value} for name, value in values.items()],
        "Capabilities": CAPABILITIES,
    }
    formation = stack.client("cloudformation")
    try:
        (formation.create_stack if stack.describe() is None else formation.update_stack)(**request)
    except ClientError as error:
        said = error.response["Error"]["Message"]
        if said.startswith("No updates"):
            return
        raise Refused(said) from error
    current.doing = stack.latest
    while (status := stack.status()).endswith("_IN_PROGRESS"):
        time.sleep(POLL_S)
    if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
        raise Failed(status)
