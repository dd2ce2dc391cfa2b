"""A stack's tables and files are restored to a moment, on a local cloud that records its tables as AWS does."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from infra import restore
from infra.local.config import ACCOUNT, REGION
from infra.local.stack import Stack
from tests.infra import local_cloud
from tests.infra.deployed import of_type

STACK = "restored"
BUCKET = f"{STACK}-drive-{ACCOUNT}"


@pytest.fixture(scope="module")
def running_cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with local_cloud.running(local_cloud.instance(tmp_path_factory.mktemp("cloud"))) as running:
        s3 = running.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        yield running


@pytest.fixture
def dynamodb(running_cloud: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two tables of a stack, one of which is only restored by name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", running_cloud.instance.endpoint)
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = running_cloud.client("dynamodb")
    for name in ("events", "sessions"):
        client.create_table(
            TableName=f"{STACK}-{name}",
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[
                {"AttributeName": "id", "AttributeType": "S"},
                {"AttributeName": "n", "AttributeType": "N"},
            ],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
        )
    yield client
    for name in client.list_tables()["TableNames"]:
        client.delete_table(TableName=name)


def _put(dynamodb: Any, table: str, n: int, text: str) -> None:
    item = {"id": {"S": f"c{n % 7}"}, "n": {"N": str(n)}, "text": {"S": text}}
    dynamodb.put_item(TableName=f"{STACK}-{table}", Item=item)


def _there(dynamodb: Any, table: str) -> dict[int, str]:
    items = dynamodb.scan(TableName=f"{STACK}-{table}")["Items"]
    return {int(each["n"]["N"]): each["text"]["S"] for each in items}


def _a_moment() -> datetime:
    """A whole second after everything before it, because recovery is exact to the second."""
    now = datetime.now(UTC)
    moment = now.replace(microsecond=0) + timedelta(seconds=1)
    time.sleep((moment - now).total_seconds() + 0.05)
    return moment


@pytest.fixture
def before(dynamodb: Any) -> datetime:
    """The moment before 200 items were damaged: a third changed, a third deleted, and others added."""
    assert restore.record(STACK) == 2
    for n in range(200):
        _put(dynamodb, "events", n, f"text {n}")
        _put(dynamodb, "sessions", n, "live")
    moment = _a_moment()
    for n in range(0, 200, 3):
        _put(dynamodb, "events", n, "poison")
    for n in range(1, 200, 3):
        key = {"id": {"S": f"c{n % 7}"}, "n": {"N": str(n)}}
        dynamodb.delete_item(TableName=f"{STACK}-events", Key=key)
        dynamodb.delete_item(TableName=f"{STACK}-sessions", Key=key)
    for n in range(200, 230):
        _put(dynamodb, "events", n, "later")
    return moment


MEANT = {n: f"text {n}" for n in range(200)}


def test_a_stack_whose_name_goes_on_after_ours_is_another_stack(dynamodb: Any, running_cloud: Stack) -> None:
    """A restore would put its data back, too, even tables that are never restored: `eu-sessions` is in no list."""
    table = {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    }
    dynamodb.create_table(TableName=f"{STACK}-eu-sessions", **table)
    running_cloud.client("s3").create_bucket(Bucket=f"{STACK}-drive-eu-drive-{ACCOUNT}")
    assert [each.name for each in restore.tables(STACK)] == ["events", "sessions"]
    assert [each.name for each in restore.tables(f"{STACK}-eu")] == ["sessions"]
    assert restore.bucket_of(STACK) == BUCKET


def test_a_table_is_as_it_was_at_the_moment_and_ended_sessions_stay_ended(
    dynamodb: Any, before: datetime, capsys: pytest.CaptureFixture[str]
) -> None:
    ended = _there(dynamodb, "sessions")
    restore.run(STACK, before)
    assert _there(dynamodb, "events") == MEANT
    assert _there(dynamodb, "sessions") == ended
    said = capsys.readouterr().out
    assert "134 written       30 deleted       66 as they were" in said
    # the copy is deleted, and a repetition changes nothing
    assert not [name for name in dynamodb.list_tables()["TableNames"] if name.startswith("restored-restored")]
    restore.run(STACK, before)
    assert "0 written        0 deleted      200 as they were" in capsys.readouterr().out


def test_only_what_is_missing_is_put_back_if_that_is_asked_for(dynamodb: Any, before: datetime) -> None:
    restore.run(STACK, before, only=["events"], missing_only=True)
    found = _there(dynamodb, "events")
    assert found.keys() == set(range(230))
    assert found[0] == "poison"
    assert found[1] == "text 1"
    assert found[229] == "later"


def test_without_go_nothing_is_changed_and_what_is_left_alone_says_why(dynamodb: Any, before: datetime) -> None:
    spoiled = _there(dynamodb, "events")
    told = "\n".join(restore.told(STACK, before, []))
    assert "events" in told
    assert "a session that was ended would be live again" in told
    assert _there(dynamodb, "events") == spoiled


def test_a_moment_that_recovery_does_not_reach_is_refused_before_anything_is_done(
    dynamodb: Any, before: datetime
) -> None:
    spoiled = _there(dynamodb, "events")
    with pytest.raises(SystemExit, match=r"events cannot be had from .* its recovery reaches 20"):
        restore.run(STACK, before - timedelta(days=1))
    assert _there(dynamodb, "events") == spoiled
    with pytest.raises(SystemExit, match="there is no table others"):
        restore.run(STACK, before, only=["others"])


def test_the_local_cloud_refuses_what_dynamodb_refuses(dynamodb: Any) -> None:
    wanted = {"SourceTableName": f"{STACK}-events", "TargetTableName": "copy"}
    with pytest.raises(dynamodb.exceptions.PointInTimeRecoveryUnavailableException):
        dynamodb.restore_table_to_point_in_time(**wanted, UseLatestRestorableTime=True)
    restore.record(STACK)
    with pytest.raises(dynamodb.exceptions.InvalidRestoreTimeException):
        dynamodb.restore_table_to_point_in_time(**wanted, RestoreDateTime=datetime.now(UTC) - timedelta(hours=1))


def test_deletions_of_files_after_the_moment_are_taken_back(running_cloud: Stack, dynamodb: Any) -> None:
    s3 = running_cloud.client("s3")
    for key in ("long_gone", "lost"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"bytes")
    s3.delete_object(Bucket=BUCKET, Key="long_gone")
    moment = _a_moment() + timedelta(seconds=1)
    time.sleep(1.1)
    s3.delete_object(Bucket=BUCKET, Key="lost")
    assert restore.files(restore.bucket_of(STACK), moment) == 1
    found = [each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    assert found == ["lost"]


def test_a_time_needs_its_zone() -> None:
    assert restore.instant("2026-11-29T13:00:00+01:00") == datetime(2026, 11, 29, 12, tzinfo=UTC)
    with pytest.raises(Exception, match="needs its zone"):
        restore.instant("2026-11-29T13:00:00")


def test_what_is_left_alone_are_tables_of_the_stack() -> None:
    names = {
        each["Properties"]["TableName"]["Fn::Sub"].removeprefix("${Prefix}-")
        for each in of_type("AWS::DynamoDB::Table").values()
    }
    assert restore.LEFT.keys() <= names
