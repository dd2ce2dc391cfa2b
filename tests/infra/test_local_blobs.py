"""The local cloud reads objects by version as AWS does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from infra.local.stack import Stack
from tests.infra import local_cloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        yield running


def test_ranges_and_dispositions_hold_for_named_versions(cloud: Stack) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="files")
    s3.put_bucket_versioning(Bucket="files", VersioningConfiguration={"Status": "Enabled"})
    versions = [s3.put_object(Bucket="files", Key="a", Body=body)["VersionId"] for body in (b"0123456789", b"abcdefgh")]
    for version, whole in zip(versions, (b"0123456789", b"abcdefgh"), strict=True):
        named = {"Bucket": "files", "Key": "a", "VersionId": version}
        part = s3.get_object(**named, Range="bytes=2-4")
        assert (part["Body"].read(), part["ContentLength"]) == (whole[2:5], 3)
        saved = s3.get_object(**named, ResponseContentDisposition="attachment")
        assert (saved["ContentDisposition"], saved["Body"].read()) == ("attachment", whole)
