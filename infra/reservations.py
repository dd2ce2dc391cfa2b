"""Reserved concurrent executions of functions (infra/reservations.toml), by the account's quota.

`python -m infra.reservations ENVIRONMENT` checks before a deployment whether the account's quota suffices.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parent.parent
TABLE = ROOT / "infra/reservations.toml"
# AWS requires that this many stay unreserved:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
UNRESERVED = 100
COUNTED_FOR = 1_000  # the quota for which the table is written
# The values of the parameter ConcurrencyQuota. With 10, the quota of new accounts, nothing can be reserved.
QUOTAS = (10, 1_000, 3_000, 10_000)
BLOCK = re.compile(r"(?m)^  Reserved:.*\n(?:    .*\n)*")


def table() -> dict[str, dict[str, int]]:
    return tomllib.loads(TABLE.read_text())


def column(quota: int) -> dict[str, int]:
    """The production reservations of each function and each share, in an account with this quota."""
    rows = table()
    factor = (max(quota, COUNTED_FOR) - UNRESERVED) / (COUNTED_FOR - UNRESERVED)
    more = {name: int(count * factor) for name, count in (rows["capped"] | rows["production"] | rows["shares"]).items()}
    return rows["alone"] | more


def write(path: Path) -> None:
    """Update the mapping in a template: one line for each quota, with the functions of that template."""
    written = path.read_text()
    current = BLOCK.sub(lambda _: mapping(written), written)
    if current != written:
        path.write_text(current)


def mapping(template: str) -> str:
    """The mapping `Reserved` of a template."""
    used = re.findall(r"!FindInMap \[Reserved, !Ref ConcurrencyQuota, (\w+)\]", template)
    lines = ["  Reserved:  # python -m infra.generate writes it from infra/reservations.toml"]
    for quota in QUOTAS:
        row = ", ".join(f"{name}: {count}" for name, count in sorted(column(quota).items()) if name in used)
        lines.append(f'    "{quota}": {{{row}}}')
    return "\n".join(lines) + "\n"


def refusal(asked: Mapping[str, int], *, limit: int, unreserved: int, own: int) -> str | None:
    """Why an account's quota does not suffice for reservations, or None.

    Args:
        asked: the deployment's reservations, by function.
        limit: the account's quota.
        unreserved: the part of it that nothing in the account has reserved.
        own: the reservations of the stack that is replaced.
    """
    total, others = sum(asked.values()), limit - unreserved - own
    if not total or others + total <= limit - UNRESERVED:
        return None
    taken = f", other functions have reserved {others}" if others else ""
    return (
        f"The deployment reserves {total} concurrent executions; the account's quota is {limit}{taken}, and AWS wants "
        f"{UNRESERVED} left. Ask for {others + total + UNRESERVED} in Service Quotas (Lambda, Concurrent executions), "
        "or deploy with ConcurrencyQuota=10, which reserves nothing (not in production)."
    )


def asked_by(parameters: Mapping[str, str], stack: str) -> dict[str, int]:
    """The reservations of a deployment with these parameters, by physical name of the function."""
    from infra.translated import deployment

    return {
        each.properties["FunctionName"]: int(each.properties["ReservedConcurrentExecutions"])
        for each in deployment(parameters, stack=stack).values()
        if each.kind == "AWS::Lambda::Function" and "ReservedConcurrentExecutions" in each.properties
    }


def _reserved_now(client: Any, name: str) -> int:
    try:
        return int(client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions", 0))
    except client.exceptions.ResourceNotFoundException:
        return 0


def checked(client: Any, asked: Mapping[str, int]) -> str | None:
    """Why the quota of a Lambda client's account does not suffice, or None."""
    account = client.get_account_settings()["AccountLimit"]
    limit, unreserved = account["ConcurrentExecutions"], account["UnreservedConcurrentExecutions"]
    own = 0 if limit == unreserved else sum(_reserved_now(client, name) for name in asked)
    return refusal(asked, limit=limit, unreserved=unreserved, own=own)


def main() -> int:
    from infra.local.parameters import configured, stack_name

    environment, *overridden = sys.argv[1:]
    parameters = dict(word.split("=", 1) for word in [*configured(environment), *overridden])
    try:
        refused = checked(boto3.client("lambda"), asked_by(parameters, stack_name(environment)))
    except (BotoCoreError, ClientError) as error:
        print(f"The account's quotas could not be read ({error}); the deployment will tell.")
        return 0
    print(refused or "The account has room for what the functions reserve.")
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main())
