"""Keyrings in their table, sealed by KMS; their rotation, and the function that does both."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from accounts.sessions.refresh_tokens import decode
from kernel import auth, aws, clock, ids, keyrings, paging
from kernel.config import ConfigurationError, config
from kernel.errors import DependencyUnavailable, Unauthenticated
from kernel.keyrings import KeyringRecord, RotationUnfinished
from operations.consumers import keyrings as consumer
from tests.helpers import CONTEXT, someone
from tests.support import loopback, rings
from tests.support.loopback import QuietHandler

ROTATING = ["tokens", "refresh_tokens", "cursors", "key_log"]


@pytest.fixture
def kept(cloud: Any, settings: pytest.MonkeyPatch) -> None:
    """All rings as a deployment has them, and a process that has not read them yet."""
    settings.setenv("KEY_ARN", aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    config.cache_clear()
    keyrings.create_missing()
    rings.forget_all()


def rotate(*names: str) -> None:
    consumer.handler({"rotate": list(names)}, CONTEXT)
    rings.forget_all()


@pytest.mark.usefixtures("kept")
def test_a_rotation_signs_nobody_out() -> None:
    person = someone()
    place = paging.seal([1], bound_to=("a",))

    rotate(*ROTATING)

    assert auth.verify(person.token).user_id == person.user_id
    assert decode(person.refresh_token).session_id == person.session_id
    assert paging.unseal(place, bound_to=("a",)) == [1]


@pytest.mark.usefixtures("kept")
def test_a_new_key_signs_ten_minutes_after_the_rotation() -> None:
    old = keyrings.tokens.seeds()[0]
    with clock.held(clock.now()) as advance:
        rotate("tokens")
        assert keyrings.tokens.seeds()[0] == old

        advance(keyrings.ACTIVATION_MS)
        assert keyrings.tokens.seeds()[0] != old
        assert auth.verify(auth.issue(ids.new("usr"), ids.new("ses")))


@pytest.mark.usefixtures("kept")
def test_a_second_rotation_before_the_first_is_over_is_refused() -> None:
    rotate("cursors")

    with pytest.raises(RotationUnfinished, match="cursors"):
        rotate("cursors")


@pytest.mark.usefixtures("kept")
def test_what_is_two_rotations_old_is_refused() -> None:
    person = someone()
    with clock.held(clock.now()) as advance:
        rotate("tokens")
        advance(keyrings.ACTIVATION_MS)
        rotate("tokens")

    auth._verified.drop(person.token)
    with pytest.raises(Unauthenticated):
        auth.verify(person.token)


@pytest.mark.usefixtures("kept")
def test_a_process_that_has_read_the_rings_learns_of_a_key_it_misses() -> None:
    keyrings.tokens.public_keys()
    keyrings.rotate(keyrings.tokens)
    with clock.held(clock.now() + keyrings.ACTIVATION_MS):
        known = keyrings.tokens.seeds()
        rings.forget_all()
        token = auth.issue(ids.new("usr"), ids.new("ses"))
        keyrings.tokens._generations = tuple(each for each in keyrings.tokens._generations if each.kid == known[0].kid)
        keyrings.tokens._read_at -= keyrings.MISS_REFRESH_S

        assert auth.verify(token)


@pytest.mark.usefixtures("kept")
def test_the_clock_rotates_what_is_due_and_nothing_that_must_stay() -> None:
    with clock.held(clock.now()) as advance:
        assert consumer.handler({"detail-type": "Scheduled Event"}, CONTEXT)["rotated"] == []
        advance(keyrings.ROTATION_MS)
        assert consumer.handler({"detail-type": "Scheduled Event"}, CONTEXT)["rotated"] == ROTATING
        assert consumer.handler({"detail-type": "Scheduled Event"}, CONTEXT)["rotated"] == []


@pytest.mark.usefixtures("kept")
def test_a_sealed_seed_opens_under_the_name_of_its_ring_alone() -> None:
    """KMS binds each ciphertext to its ring, and IAM each right to a ring (infra/rights.yaml)."""
    tokens, cursors = KeyringRecord.get("tokens"), KeyringRecord.get("cursors")
    cursors.update([KeyringRecord.generations.set(tokens.generations)])

    with pytest.raises(DependencyUnavailable) as refusal:
        keyrings.cursors.seeds()
    assert isinstance(refusal.value.__cause__, ClientError)


@pytest.mark.usefixtures("kept")
def test_nothing_secret_stands_in_the_table() -> None:
    seeds = {name: ring.seeds()[0].value.decode() for name, ring in keyrings.RINGS.items()}
    kept = json.dumps([each.attribute_values for each in KeyringRecord.scan()], default=repr)
    assert len(set(seeds.values())) == len(seeds)
    assert not any(seed in kept for seed in seeds.values())


@pytest.mark.usefixtures("kept")
def test_rings_that_are_there_are_not_made_again() -> None:
    before = keyrings.tokens.seeds()
    assert keyrings.create_missing() == []
    rings.forget_all()
    assert keyrings.tokens.seeds() == before


@pytest.mark.usefixtures("cloud")
def test_without_rings_the_refusal_says_what_to_do() -> None:
    rings.forget_all()
    with pytest.raises(ConfigurationError, match="deploy again"):
        keyrings.tokens.seeds()


@pytest.mark.usefixtures("kept")
def test_an_unknown_ring_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no keyrings signing; there are tokens"):
        rotate("signing")


# --- the custom resource ------------------------------------------------------------------------------------------


class Stack:
    """CloudFormation, as a custom resource sees it: an address that takes its answer."""

    def __init__(self) -> None:
        self.answers: list[dict[str, Any]] = []
        self.url = ""


@pytest.fixture
def stack() -> Iterator[Stack]:
    stack = Stack()

    class Handler(QuietHandler):
        def do_PUT(self) -> None:
            stack.answers.append(json.loads(self.body()))
            self.send(200)

    with loopback.serving(Handler) as stack.url:
        yield stack


def asked(kind: str, stack: Stack, resource: str = "Keyrings") -> dict[str, Any]:
    names = {
        "StackId": "arn:stack",
        "RequestId": "r-1",
        "LogicalResourceId": resource,
        "ResourceType": f"Custom::{resource}",
    }
    return {"RequestType": kind, "ResponseURL": f"{stack.url}/answer", **names}


@pytest.mark.usefixtures("cloud")
@pytest.mark.parametrize(("kind", "made"), [("Create", 9), ("Update", 9), ("Delete", 0)])
def test_a_stack_makes_its_rings_and_hears_of_it(
    kind: str, made: int, stack: Stack, settings: pytest.MonkeyPatch
) -> None:
    settings.setenv("KEY_ARN", aws.client("kms").create_key()["KeyMetadata"]["Arn"])
    config.cache_clear()
    assert len(consumer.handler(asked(kind, stack), CONTEXT)["made"]) == made
    (answer,) = stack.answers
    assert answer["Status"] == "SUCCESS"
    assert (answer["StackId"], answer["RequestId"], answer["LogicalResourceId"]) == ("arn:stack", "r-1", "Keyrings")
    assert answer["Data"] == {}


@pytest.mark.usefixtures("kept")
def test_cloudfront_gets_a_key_that_is_believed_and_shown_to_nobody_else(stack: Stack) -> None:
    consumer.handler(asked("Create", stack, "EdgeKey"), CONTEXT)
    keyrings.edge.forget()
    consumer.handler(asked("Update", stack, "EdgeKey"), CONTEXT)
    first, again = stack.answers
    assert first["NoEcho"] is True
    assert first["Data"] == again["Data"]
    assert keyrings.edge.holds(first["Data"]["Key"])
    assert not keyrings.edge.holds("another")
    rotate("edge")
    with clock.held(clock.now() + keyrings.ACTIVATION_MS):
        keyrings.edge.forget()
        consumer.handler(asked("Update", stack, "EdgeKey"), CONTEXT)
    assert stack.answers[-1]["Data"] != first["Data"]
    assert keyrings.edge.holds(first["Data"]["Key"])  # until the next rotation
    assert keyrings.edge.holds(stack.answers[-1]["Data"]["Key"])


@pytest.mark.usefixtures("cloud")
def test_a_stack_hears_of_a_failure_at_once(stack: Stack) -> None:
    with pytest.raises(ConfigurationError, match="KEY_ARN"):
        consumer.handler(asked("Create", stack), CONTEXT)
    (answer,) = stack.answers
    assert answer["Status"] == "FAILED"
    assert "ConfigurationError" in answer["Reason"]
