"""Which route of the local cloud a frame goes to."""

from __future__ import annotations

import json

import pytest

from infra.local.parity.sockets import choosing_a_route


def _evaluate(_expression: str, frame: str) -> str:
    return str(json.loads(frame)["action"])


@pytest.mark.parametrize(
    ("frame", "route"),
    [
        ('{"action": "ping"}', "ping"),
        ('{"action": "$connect"}', "$default"),
        ('{"action": "$disconnect"}', "$default"),
        (f'{{"action": "ping", "x": {"[" * 15_000}{"]" * 15_000}}}', "$default"),
    ],
)
def test_a_frame_that_names_no_route_goes_to_the_default_one(frame: str, route: str) -> None:
    assert choosing_a_route(_evaluate)("$request.body.action", frame) == route
