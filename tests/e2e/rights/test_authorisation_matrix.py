"""The authorisation matrix: every route and socket action for every kind of caller (R33).

The table (authorisation_table) is the requirement: a route or action of the code that is missing in it fails a test,
and so does a row without a route. Besides its status, no probe may have effects that the caller may not have: the scene
is checked again at the end.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import partial

import pytest

from infra import documents
from kernel import websocket
from tests.e2e.people import Town
from tests.e2e.rights import authorisation_scene
from tests.e2e.rights.authorisation_probes import BODIES, FRAMES, PATHS, socket_status, status
from tests.e2e.rights.authorisation_scene import Scene
from tests.e2e.rights.authorisation_table import EXPECTED, ROLES
from tests.e2e.tools import at_once, log_of

ENDING = ("POST /auth/logout", "POST /auth/logout-all")
PROBED = [name for name in EXPECTED if name not in ENDING and not name.startswith("SOCKET")]


@pytest.fixture(scope="module")
def scene(town: Town) -> Iterator[Scene]:
    with authorisation_scene.built(town) as scene:
        yield scene


def test_every_route_and_action_is_in_the_table() -> None:
    for module in documents.ACTIONS:
        importlib.import_module(module)
    routes = {f"{route.method} {route.path}" for app in documents.apps() for route in app.routes}
    actions = {f"SOCKET {name}" for name in websocket.ACTIONS}
    assert EXPECTED.keys() == routes | actions
    assert FRAMES.keys() == set(websocket.ACTIONS)
    assert PATHS.keys() | BODIES.keys() <= routes


def _attacks(name: str) -> pytest.MarkDecorator:
    """The mark of a route or action with the number of callers to whom it is not open, if it is to somebody."""
    wanted = EXPECTED[name].values()
    return pytest.mark.attack(sum(each in (401, 403, 404) for each in wanted) if min(wanted) < 400 else 0)


@pytest.mark.parametrize("route", [pytest.param(name, marks=_attacks(name)) for name in PROBED])
def test_a_route_is_for_whom_the_table_says(scene: Scene, route: str) -> None:
    assert {role: status(scene, route, role) for role in ROLES} == EXPECTED[route]


@pytest.mark.parametrize(
    "action",
    [pytest.param(name.split()[1], marks=_attacks(name)) for name in EXPECTED if name.startswith("SOCKET")],
)
def test_an_action_is_for_whom_the_table_says(scene: Scene, action: str) -> None:
    assert {role: socket_status(scene, action, role) for role in ROLES} == EXPECTED[f"SOCKET {action}"]


def test_nobody_changed_what_was_not_theirs(scene: Scene) -> None:
    """All events of both conversations were caused by callers whom the table allows."""
    members = {scene.people[role].id for role in ("owner", "admin", "member")}
    assert {event["actor_id"] for event in log_of(scene.owner, scene.group)} == members
    assert {event["actor_id"] for event in log_of(scene.owner, scene.direct)} == {scene.owner.id}
    assert {each["user"]["id"] for each in scene.owner.ok("GET", f"/conversations/{scene.group}/members")["items"]} in (
        members,
        members | {scene.bystander.id},
    )


def test_lists_and_sync_show_only_what_is_ones_own(scene: Scene) -> None:
    for role in ("former", "stranger", "platform_admin"):
        person = scene.people[role]
        assert scene.group not in person.get("/conversations").text
        answer = person.ok("POST", "/sync", {"cursors": {scene.group: 0, scene.direct: 0}})
        assert sorted(answer["removed"]) == sorted([scene.group, scene.direct])
        assert scene.group not in str(answer["conversations"])
        assert scene.group not in str(scene.socket(role).events)


def test_the_platform_admin_is_one(scene: Scene) -> None:
    assert scene.people["platform_admin"].ok("GET", "/users/me")["role"] == "admin"


@pytest.mark.parametrize("route", ENDING)
def test_signing_out_is_for_whom_the_table_says(scene: Scene, route: str) -> None:
    """Runs last, because all callers are signed out by it."""

    def probe(role: str) -> int:
        if role == "anonymous":
            return status(scene, route, role)
        device = scene.people[role].another_session()
        return device.post(route.split()[1]).status_code

    statuses = at_once([partial(probe, role) for role in ROLES])
    assert dict(zip(ROLES, statuses, strict=True)) == EXPECTED[route]
