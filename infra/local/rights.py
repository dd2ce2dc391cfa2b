"""`python -m infra.local.rights [--show] [INSTANCE]`: compares functions' rights with their calls in a local cloud.

The local cloud refuses calls that no right allows, as AWS does, and records each kind of call (parity/rights.py). After
the end-to-end tests this command lists the refused calls, each of which is a fault, and the unused rights, which are
superfluous, except for those that infra/unreached_rights.toml has with the reason (R44). With `--show` unused rights
are no failure: a test that was left out uses none.

A right that functions share (infra/rights.yaml, infra/realtime.yaml) counts as used if one of them uses it (decision
79).
"""

import json
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import boto3

from infra.local.config import REGION, ROOT, Instance, instance
from infra.local.console import Problem
from infra.local.look import require_running

UNREACHED = ROOT / "infra" / "unreached_rights.toml"
AWS_OWN = "arn:aws:iam::aws:"  # policies of AWS: logs and traces
KEYRING = "kms:EncryptionContext:keyring"
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Right:
    """The right of a function, or of all that share a policy, to an action; `keyring` if a key serves one ring only."""

    owner: str
    action: str
    resource: str
    keyring: str | None = None

    def allows(self, call: Json) -> bool:
        return (
            fnmatchcase(call["action"].lower(), self.action.lower())
            and (fnmatchcase(call["resource"], self.resource) or call["resource"] == self.resource)
            and self.keyring in (None, call["keyring"])
        )

    def __str__(self) -> str:
        ring = f" of the ring {self.keyring}" if self.keyring else ""
        return f"{self.owner}: {self.action} on {self.resource}{ring}"


def rights_in(owner: str, document: Json) -> Iterator[Right]:
    """The rights that a policy grants, one by one."""
    for statement in _listed(document["Statement"]):
        rings = statement.get("Condition", {}).get("StringEquals", {}).get(KEYRING)
        for action in _listed(statement["Action"]):
            for resource in _listed(statement["Resource"]):
                for ring in [None] if rings is None else _listed(rings):
                    yield Right(owner, action, resource, ring)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def unused(holders: Mapping[Right, set[str]], calls: Iterable[Json]) -> list[Right]:
    """The rights that none of the roles that have them has used."""
    by_role = defaultdict(list)
    for call in calls:
        by_role[call["role"]].append(call)
    return [
        right
        for right, roles in holders.items()
        if not any(right.allows(call) for role in roles for call in by_role[role])
    ]


def explained(owner: str, action: str, on: str, reasons: Iterable[Json]) -> bool:
    """Whether one of the reasons covers this function or shared policy, action, and resource or keyring."""
    return any(
        _is_one_of(owner, each["owner"]) and _is_one_of(action, each["action"]) and _is_one_of(on, each["on"])
        for each in reasons
    )


def _is_one_of(name: str, patterns: str | list[str]) -> bool:
    return any(fnmatchcase(name, each) for each in _listed(patterns))


def granted(iam: Any, functions: Mapping[str, str]) -> dict[Right, set[str]]:
    """Every right of these roles (role → its function), with the roles that have it."""
    found: dict[Right, set[str]] = defaultdict(set)
    for role, function in functions.items():
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            document = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
            for right in rights_in(function, document):
                found[right].add(role)
        for policy in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            arn = policy["PolicyArn"]
            if not arn.startswith(AWS_OWN):
                for right in rights_in(_shared_name(policy["PolicyName"]), _document(iam, arn)):
                    found[right].add(role)
    return found


def _shared_name(policy: str) -> str:
    """`CallRight` of `…-CallRight-A1B2`: CloudFormation adds the stack's name before it and random letters after it."""
    return next((part for part in reversed(policy.split("-")) if part.endswith(("Right", "Policy"))), policy)


def _document(iam: Any, arn: str) -> Json:
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    found: Json = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    return found


def _functions(client: Any) -> dict[str, str]:
    pages = client.get_paginator("list_functions").paginate()
    return {
        each["Role"].rpartition("/")[2]: each["FunctionName"].rpartition("-")[2]
        for page in pages
        for each in page["Functions"]
    }


def main(name: str, *, only_shows: bool = False) -> int:
    here: Instance = instance(name)
    require_running(here)
    endpoint = json.loads(here.endpoints_file.read_text())["aws_endpoint_url"]
    session = boto3.session.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
    functions = _functions(session.client("lambda", endpoint_url=endpoint))
    calls = [json.loads(line) for line in (here.home / "calls.jsonl").read_text().splitlines()]
    ours = [call for call in calls if call["role"] in functions]
    holders = granted(session.client("iam", endpoint_url=endpoint), functions)
    known = tomllib.loads(UNREACHED.read_text())
    idle = unused(holders, [call for call in ours if call["allowed"]])
    left = sorted(
        str(right)
        for right in idle
        if not explained(right.owner, right.action, right.keyring or right.resource, known["unreached"])
    )
    refused = [
        f"{functions[call['role']]}: {call['action']} on {call['resource']}"
        for call in ours
        if not call["allowed"]
        and not explained(functions[call["role"]], call["action"], call["resource"], known["refused"])
    ]
    for what in refused:
        print(f"refused: {what}")
    for right in left:
        print(f"unused: {right}")
    print(f"{len(ours)} kinds of calls of {len({call['role'] for call in ours})} functions, {len(refused)} refused; ")
    print(f"{len(holders)} rights, {len(idle)} not used, {len(left)} of them without a reason")
    return 1 if refused or (left and not only_shows) else 0


if __name__ == "__main__":
    names = [word for word in sys.argv[1:] if word != "--show"]
    try:
        sys.exit(main(names[0] if names else "test", only_shows="--show" in sys.argv))
    except Problem as problem:
        sys.exit(f"{problem}: {problem.advice}")
