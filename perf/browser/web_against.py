"""The web client compared with another commit's build: both served by the running local cloud, measured in alternation.

The other client is built in a separate work tree and served from a separate bucket, with the same origin and API.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import boto3

from infra import web as clients
from infra.local.config import REGION
from infra.local.web import policy_of
from perf.against import NoSuchRevision, tree_of
from perf.browser import web
from perf.effort import Effort
from perf.progress import Progress
from perf.ratios import Compared, in_turn
from perf.report import Table
from perf.template import ROOT

BUCKET = "perf-web-against"
LOG = ROOT / ".local" / "logs" / "web-against.log"
BUILD_S, TURN_S = 40.0, 75.0


@contextmanager
def published(revision: str, addresses: dict[str, str]) -> Iterator[str]:
    """Build this commit's client and serve it from the running local cloud inside the block; yields its URL."""
    endpoint = addresses["aws_endpoint_url"]
    s3: Any = boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id="test", aws_secret_access_key="test"
    )
    with tree_of(revision) as tree:
        try:
            dist = clients.build_other(tree / "web", LOG)
        except (OSError, clients.CannotBuild) as problem:
            raise NoSuchRevision(f"the web client of {revision} cannot be built: {problem}") from problem
        s3.create_bucket(Bucket=BUCKET)
        try:
            s3.delete_public_access_block(Bucket=BUCKET)  # new buckets have one
            s3.put_bucket_policy(Bucket=BUCKET, Policy=json.dumps(_READABLE))
            api = urlsplit(addresses["http_url"]).path
            clients.upload(s3, BUCKET, api=api, socket="", policy=policy_of(endpoint), compressed=True, dist=dist)
            yield f"{endpoint}/{BUCKET}/index.html"
        finally:
            for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ()):
                s3.delete_object(Bucket=BUCKET, Key=each["Key"])
            s3.delete_bucket(Bucket=BUCKET)


_READABLE = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    ],
}


def measure(revision: str, *, rounds: int, scale: web.Scale, done: Callable[[str], None]) -> list[Compared]:
    """The comparison for each of the client's budgets. Raises NotUp, NoBrowser, NoSuchRevision."""
    addresses = web.served()
    steps = {f"{revision} is built": BUILD_S} | {f"turn {turn + 1} of {rounds}": TURN_S for turn in range(rounds)}
    progress = Progress(steps, done)
    here: list[Sequence[float]] = []
    there: list[Sequence[float]] = []
    progress.begin(f"{revision} is built")
    with published(revision, addresses) as other, web.opened() as browser:
        sides = (addresses["web_url"], here), (other, there)
        for turn in range(rounds):
            progress.begin(f"turn {turn + 1} of {rounds}")
            for url, found in in_turn(sides, turn):
                figures = web.measure_page(browser, url, addresses["http_url"], scale, lambda _: None)
                found.append(web.values(figures))
    return [
        Compared(mine, theirs) for mine, theirs in zip(zip(*here, strict=True), zip(*there, strict=True), strict=True)
    ]


def table(found: Sequence[Compared], revision: str) -> Table:
    rows = [
        (f"{budget.of}: {budget.figure}", *each.cells(), budget.text())
        for budget, each in zip(web.BUDGETS, found, strict=True)
    ]
    head = "figure", "here", f"at {revision}", "ratio min / median / max", "budget"
    return Table(f"The web client in Chromium against {revision}, in turn", head, rows)


def part(revision: str, effort: Effort, done: Callable[[str], None]) -> tuple[Sequence[Table], Any]:
    rounds, scale = effort.of(1, 4, 8), web.scale_of(effort)
    found = measure(revision, rounds=rounds, scale=replace(scale, runs=1), done=done)
    kept = {
        f"{budget.of}: {budget.figure}": {"here": each.ours, "there": each.theirs, "ratios": each.ratios()}
        for budget, each in zip(web.BUDGETS, found, strict=True)
    }
    return [table(found, revision)], {"revision": revision, "figures": kept}
