"""Reading MLS without keys: the RFC's own vectors, and bytes that are anything else."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keys import framing
from keys.framing import ContentType, Framing, Malformed, WireFormat, vector

VECTORS = Path(__file__).parent / "vectors"
MESSAGES = json.loads((VECTORS / "messages.json").read_text())["vectors"]
PASSIVE = json.loads((VECTORS / "passive_client.json").read_text())
READERS: list[Callable[[bytes], Any]] = [
    framing.framed,
    framing.group_info,
    framing.welcome,
    framing.credential,
    framing.key_package,
]
FRAMED = {
    "public_message_application": (WireFormat.PUBLIC_MESSAGE, ContentType.APPLICATION),
    "public_message_proposal": (WireFormat.PUBLIC_MESSAGE, ContentType.PROPOSAL),
    "public_message_commit": (WireFormat.PUBLIC_MESSAGE, ContentType.COMMIT),
}
SAMPLES = [bytes.fromhex(text) for vectors in MESSAGES for text in vectors.values()]
GROUP = b"cnv_01jd"


def private_message(*, group: bytes = GROUP, epoch: int = 3, kind: int = 1, rest: bytes = b"") -> bytes:
    """A PrivateMessage as a server sees it; what is encrypted in it is left out."""
    content = vector(group) + epoch.to_bytes(8, "big") + bytes([kind]) + vector(b"") + vector(b"who") + vector(b"what")
    return b"\x00\x01\x00\x02" + content + rest


@pytest.mark.parametrize("vectors", MESSAGES)
def test_the_vectors_of_the_rfc_are_read(vectors: dict[str, str]) -> None:
    raw = {name: bytes.fromhex(text) for name, text in vectors.items()}
    group_id, _epoch = framing.group_info(raw["mls_group_info"])
    framing.welcome(raw["mls_welcome"])
    assert framing.key_package(raw["mls_key_package"]).suite == framing.SUITE
    for name, kinds in FRAMED.items():
        found = framing.framed(raw[name])
        assert (found.wire_format, found.content_type) == kinds
        assert found.group_id == group_id
    assert framing.framed(raw["private_message"]).wire_format is WireFormat.PRIVATE_MESSAGE


def test_commits_of_a_group_that_goes_on_are_read_with_the_epochs_they_were_made_in() -> None:
    found = [framing.framed(bytes.fromhex(each["commit"])) for each in PASSIVE["commits"]]
    assert [each.content_type for each in found] == [ContentType.COMMIT] * len(found)
    assert [each.epoch for each in found] == list(range(found[0].epoch, found[0].epoch + len(found)))
    assert len({each.group_id for each in found}) == 1


def test_a_private_message_tells_group_epoch_and_kind() -> None:
    message = private_message(kind=3)
    assert framing.framed(message) == Framing(WireFormat.PRIVATE_MESSAGE, GROUP, 3, ContentType.COMMIT)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        private_message()[:-1],
        private_message(rest=b"\x00"),
        private_message(kind=4),
        b"\x00\x02" + private_message()[2:],
        b"\x00\x01\x00\x06" + private_message()[4:],
        b"\x00\x01\x00\x02\x40\x08" + private_message()[5:],  # a length of eight in two bytes
        b"\x00\x01\x00\x02\xc0" + private_message()[5:],
    ],
    ids=["nothing", "short", "long", "kind", "version", "format", "length", "prefix"],
)
def test_a_message_that_is_not_one_is_refused(message: bytes) -> None:
    with pytest.raises(Malformed):
        framing.framed(message)


@pytest.mark.parametrize("reader", READERS)
@given(data=st.binary(max_size=300))
def test_arbitrary_bytes_are_read_or_refused(reader: Callable[[bytes], Any], data: bytes) -> None:
    with suppress(Malformed):
        reader(data)


@pytest.mark.parametrize("reader", READERS)
@given(sample=st.sampled_from(SAMPLES), at=st.integers(0, 10_000), byte=st.integers(0, 255), cut=st.booleans())
def test_altered_and_shortened_messages_are_read_or_refused(
    reader: Callable[[bytes], Any], sample: bytes, at: int, byte: int, cut: bool
) -> None:
    at %= len(sample)
    altered = sample[:at] if cut else sample[:at] + bytes([byte]) + sample[at + 1 :]
    with suppress(Malformed):
        reader(altered)


@given(content=st.binary(max_size=70) | st.integers(0, 17_000).map(bytes))
def test_a_vector_is_read_back(content: bytes) -> None:
    reader = framing.Reader(vector(content))
    assert reader.vector() == content
    reader.end()
