"""Makes the tests' clients refuse what AWS refuses and moto takes (infra/aws_limits.py)."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from infra import aws_limits

CALL = "call_as_asked"


def apply(session: Any) -> None:
    """Check every call of every client of a botocore session."""
    session.register("before-parameter-build", _checked)
    session.register("after-call.dynamodb.BatchGetItem", _cut)


def _checked(*, params: Any, model: Any, context: Any, **_: Any) -> None:
    context[CALL] = params
    try:
        service = {"sfn": "stepfunctions"}.get(model.service_model.service_name, model.service_model.service_name)
        aws_limits.check(service, model.name, params)
    except aws_limits.Refusal as refusal:
        said = {"Error": {"Code": refusal.code, "Message": refusal.message}}
        raise ClientError(said, model.name) from refusal  # type: ignore[arg-type]


def _cut(*, parsed: Any, context: Any, **_: Any) -> None:
    aws_limits.cut_batch(context[CALL], parsed)
