"""Uploads in parts."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from drive import model, store
from drive.uploads import transfers
from kernel import aws, blobs, clock
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from tests.conftest import BUCKET
from tests.integration import desk
from tests.integration.rooms import people

MIB = 1024 * 1024


def _in_parts(who: Caller, content: bytes) -> dict[str, Any]:
    return desk.begin(who, content, content_type=desk.BYTES)


def _send_part(file_id: str, key_of: str, number: int, piece: bytes) -> None:
    found = store.node_access(file_id)
    assert found is not None
    assert found.upload is not None
    aws.client("s3").upload_part(
        Bucket=BUCKET, Key=key_of, UploadId=found.upload.multipart_id, PartNumber=number, Body=piece
    )


def test_a_large_file_goes_in_parts_and_resumes(ada: Caller) -> None:
    content = b"x" * (16 * MIB + 1)
    begun = _in_parts(ada, content)
    file_id, instructions = begun["file"]["id"], begun["upload"]
    assert (instructions["kind"], instructions["part_count"]) == ("multipart", 4)
    size = instructions["part_size"]
    asked = transfers.parts(caller=ada, file_id=file_id, numbers=[1, 2])
    assert [part["number"] for part in asked["parts"]] == [1, 2]
    found = store.node_access(file_id)
    assert found is not None
    assert found.upload is not None
    key = found.upload.object_key
    for number in (1, 2):
        _send_part(file_id, key, number, content[(number - 1) * size : number * size])
    with pytest.raises(model.UploadIncomplete):
        transfers.complete(caller=ada, file_id=file_id, sent_parts=[])
    resumed = transfers.parts(caller=ada, file_id=file_id, numbers=[3, 4])
    assert [(part["number"], part["size"]) for part in resumed["uploaded"]] == [(1, size), (2, size)]
    for number in (3, 4):
        _send_part(file_id, key, number, content[(number - 1) * size : number * size])
    assert transfers.complete(caller=ada, file_id=file_id, sent_parts=[])["state"] == "processing"
    assert desk.arrive(key, "") == "ready"
    assert transfers.complete(caller=ada, file_id=file_id, sent_parts=[])["state"] == "ready"
    assert desk.usage(ada).used == len(content)


def test_parts_are_for_uploads_in_parts_and_for_their_uploader(ada: Caller) -> None:
    bob = people("bob")[0]
    small, large = desk.begin(ada)["file"]["id"], _in_parts(ada, bytes(17 * MIB))["file"]["id"]
    with pytest.raises(ValidationFailed):
        transfers.parts(caller=ada, file_id=small, numbers=[1])
    with pytest.raises(ValidationFailed):
        transfers.parts(caller=ada, file_id=large, numbers=[5])
    with pytest.raises(NotFound):
        transfers.parts(caller=bob, file_id=large, numbers=[1])
    with pytest.raises(NotFound):
        transfers.complete(caller=bob, file_id=large, sent_parts=[])
    with pytest.raises(NotFound):
        transfers.abort(caller=bob, file_id=large)


def test_the_address_of_a_part_is_good_for_exactly_its_bytes(ada: Caller) -> None:
    """S3 refuses a body whose length is not the signed one, so nothing beside the quota is ever stored (R31)."""
    begun = _in_parts(ada, b"x" * (16 * MIB + 1))
    sent = transfers.parts(caller=ada, file_id=begun["file"]["id"], numbers=[1, 4])["parts"]
    for part in sent:
        query = parse_qs(urlsplit(part["url"]).query)
        assert query["X-Amz-SignedHeaders"] == ["content-length;host"]
    with clock.held(clock.now()):
        one, same, other = (blobs.part_address("files/x", "upload", 1, size=size, expires_s=60) for size in (5, 5, 6))
    assert one == same
    assert one != other
