"""Queues and streams lose nothing: what fails is tried again, kept and told of (R24)."""

from __future__ import annotations

import pytest

from tests.infra.deployed import QUEUE_CONSUMERS, STREAM_CONSUMERS, Resource, functions, of_type, resources, text

pytestmark = pytest.mark.usefixtures("settings")


# --- streams (R24) --------------------------------------------------------------------------------------------


def _followed(name: str) -> Resource:
    """The event source of a stream's consumer."""
    (source,) = (event["Properties"] for event in functions()[name].events if event["Type"] == "DynamoDB")
    found: Resource = source
    return found


def _dead_letters_of_stream(name: str) -> str:
    return str(_followed(name)["DestinationConfig"]["OnFailure"]["Destination"]["Fn::GetAtt"].partition(".")[0])


def test_something_follows_the_stream() -> None:
    assert STREAM_CONSUMERS


def test_the_stream_tells_what_was_and_what_is() -> None:
    table = resources()["infra/data.yaml"]["Events"]["Properties"]
    assert table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_poisoned_change_is_cut_out_of_its_batch_and_given_up_in_time(name: str) -> None:
    source = _followed(name)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] <= 10
    assert 60 <= source["MaximumRecordAgeInSeconds"] < 24 * 60 * 60


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_the_stream_s_consumer_begins_with_what_is_there_and_soon(name: str) -> None:
    source = _followed(name)
    assert source["StartingPosition"] == "TRIM_HORIZON"
    assert source["MaximumBatchingWindowInSeconds"] <= 2
    assert 1 <= source["ParallelizationFactor"] <= 10


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_change_that_was_given_up_is_told_of_for_14_days_with_an_alarm(name: str) -> None:
    properties = of_type("AWS::SQS::Queue")[_dead_letters_of_stream(name)]["Properties"]
    assert _followed(name)["DestinationConfig"]["OnFailure"]["Type"] == "SQS"
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert _is_watched(properties)


@pytest.mark.parametrize("name", STREAM_CONSUMERS)
def test_a_consumer_that_falls_behind_the_stream_raises_an_alarm(name: str) -> None:
    alarms = [alarm["Properties"] for alarm in of_type("AWS::CloudWatch::Alarm").values()]
    ages = [alarm for alarm in alarms if alarm["MetricName"] == "IteratorAge"]
    watched = [text(each["Value"]) for alarm in ages for each in alarm["Dimensions"]]
    assert f"${{Prefix}}-{name.removesuffix('Function')}" in watched


# --- queues (R24) ---------------------------------------------------------------------------------------------


def _consumed(name: str) -> tuple[Resource, Resource]:
    """The event source of a queue's consumer, and the queue."""
    (source,) = (event["Properties"] for event in functions()[name].events if event["Type"] == "SQS")
    return source, of_type("AWS::SQS::Queue")[_queue_of(source)]["Properties"]


def _queue_of(source: Resource) -> str:
    """The logical id of an event source's queue; one of another template comes as the parameter {id}Arn."""
    queue = source["Queue"]
    return str(queue["Fn::GetAtt"].partition(".")[0] if "Fn::GetAtt" in queue else queue["Ref"].removesuffix("Arn"))


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_stays_out_of_sight_for_six_times_its_consumer_s_timeout(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["VisibilityTimeout"] >= 6 * functions()[name].timeout_s


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_consumer_reports_partial_failures(name: str) -> None:
    source, _ = _consumed(name)
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_that_failed_five_times_is_kept_for_14_days_with_an_alarm(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].partition(".")[0]
    properties = of_type("AWS::SQS::Queue")[dead]["Properties"]
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert _is_watched(properties)


def _is_watched(queue: Resource) -> bool:
    """Whether an alarm looks at what is in a queue."""
    watched = queue["QueueName"]["Fn::Sub"].rpartition("}")[2]
    alarms = [alarm["Properties"] for alarm in of_type("AWS::CloudWatch::Alarm").values()]
    dimensions = [alarm["Dimensions"] for alarm in alarms if alarm.get("Namespace") == "AWS/SQS"]
    return any(text(each[0]["Value"]).endswith(watched) for each in dimensions)


@pytest.mark.parametrize("name", QUEUE_CONSUMERS)
def test_a_message_outlives_its_tries(name: str) -> None:
    _, queue = _consumed(name)
    assert queue["MessageRetentionPeriod"] > 5 * queue["VisibilityTimeout"]


def test_every_queue_is_encrypted_and_consumed_or_a_dead_letter_queue() -> None:
    queues = of_type("AWS::SQS::Queue")
    consumed = {
        _queue_of(event["Properties"])
        for function in functions().values()
        for event in function.events
        if event["Type"] == "SQS"
    }
    dead = {
        queue["Properties"]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].partition(".")[0]
        for queue in queues.values()
        if "RedrivePolicy" in queue["Properties"]
    }
    dead |= {_dead_letters_of_stream(name) for name in STREAM_CONSUMERS}
    dead |= {"ScheduleDeadLetters", "DriveDeadLetters"}  # of events and asynchronous calls (test_account.py)
    assert queues.keys() == consumed | dead
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())
