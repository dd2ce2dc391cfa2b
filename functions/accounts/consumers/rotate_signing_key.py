"""The rotation of the signing secret, in the four steps of Secrets Manager ("Lambda function rotation").

The seed becomes `previous` and a fresh one takes its place; it is made use of ten minutes later, when every
process has read it (kernel.secrets), so nobody is signed out.
"""

from __future__ import annotations

import json
import secrets
import string
from typing import Any

from kernel import aws, clock, telemetry
from kernel.secrets import ACTIVATION_MS, parse

SEED_CHARS = 64
_LETTERS = string.ascii_letters + string.digits


def handler(event: dict[str, Any], context: Any) -> None:
    """One step of a rotation; each may be repeated."""
    with telemetry.call("rotate_signing_key", context) as line:
        line.fields["step"] = event["Step"]
        steps = {"createSecret": _create, "setSecret": _set, "testSecret": _test, "finishSecret": _finish}
        steps[event["Step"]](event["SecretId"], event["ClientRequestToken"])


def _create(secret: str, version: str) -> None:
    client = aws.client("secretsmanager")
    try:
        _read(secret, "AWSPENDING", version)
    except client.exceptions.ResourceNotFoundException:
        pass  # the stage is there from the start of a rotation, the value is not
    else:
        return
    current = json.loads(_read(secret, "AWSCURRENT"))
    fresh = "".join(secrets.choice(_LETTERS) for _ in range(SEED_CHARS))
    fields = {"seed": fresh, "previous": current["seed"], "active_from": clock.now() + ACTIVATION_MS}
    client.put_secret_value(
        SecretId=secret,
        ClientRequestToken=version,
        SecretString=json.dumps(fields),
        VersionStages=["AWSPENDING"],
    )


def _set(secret: str, version: str) -> None:
    """Nothing to do: the seed is used nowhere but here."""


def _test(secret: str, version: str) -> None:
    """Raise ConfigurationError for a weak seed, RuntimeError if what is made now would not be accepted then."""
    new, now = parse(_read(secret, "AWSPENDING", version)), parse(_read(secret, "AWSCURRENT"))
    if now[0] not in new:
        raise RuntimeError("the last rotation is not over: things are still made with a seed that would be dropped")


def _finish(secret: str, version: str) -> None:
    client = aws.client("secretsmanager")
    stages: dict[str, list[str]] = client.describe_secret(SecretId=secret)["VersionIdsToStages"]
    current = next(each for each in stages if "AWSCURRENT" in stages[each])
    if current != version:
        client.update_secret_version_stage(
            SecretId=secret, VersionStage="AWSCURRENT", MoveToVersionId=version, RemoveFromVersionId=current
        )


def _read(secret: str, stage: str, version: str | None = None) -> str:
    which = {"VersionId": version} if version else {}
    answer = aws.client("secretsmanager").get_secret_value(SecretId=secret, VersionStage=stage, **which)
    text: str = answer["SecretString"]
    return text
