"""Queues and streams lose nothing: failed messages are retried, kept, and raise an alarm (R24)."""

from __future__ import annotations

from typing import Any

import pytest

from infra import generate
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
    ages = [alarm for alarm in alarms if alarm.get("MetricName") == "IteratorAge"]
    watched = [text(each["Value"]) for alarm in ages for each in alarm["Dimensions"]]
    assert f"${{Prefix}}-{name.removesuffix('Function')}" in watched


# --- queues (R24) ---------------------------------------------------------------------------------------------


def _queue_of(source: Resource) -> str:
    """The logical id of an event source's queue; a queue of another template is the parameter {id}Arn."""
    queue = source["Queue"]
    return str(queue["Fn::GetAtt"].partition(".")[0] if "Fn::GetAtt" in queue else queue["Ref"].removesuffix("Arn"))


# the event source of each queue, and its consumer
CONSUMED: dict[str, tuple[Resource, str]] = {
    _queue_of(event["Properties"]): (event["Properties"], name)
    for name in QUEUE_CONSUMERS
    for event in functions()[name].events
    if event["Type"] == "SQS"
}


def _queue(name: str) -> Resource:
    found: Resource = of_type("AWS::SQS::Queue")[name]["Properties"]
    return found


def test_a_queue_has_one_consumer() -> None:
    sources = [event for name in QUEUE_CONSUMERS for event in functions()[name].events if event["Type"] == "SQS"]
    assert len(CONSUMED) == len(sources)


@pytest.mark.parametrize("name", CONSUMED)
def test_a_message_stays_out_of_sight_for_six_times_its_consumer_s_timeout(name: str) -> None:
    assert _queue(name)["VisibilityTimeout"] >= 6 * functions()[CONSUMED[name][1]].timeout_s


@pytest.mark.parametrize("name", CONSUMED)
def test_a_consumer_reports_partial_failures(name: str) -> None:
    assert CONSUMED[name][0]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


@pytest.mark.parametrize("name", CONSUMED)
def test_a_consumer_takes_no_more_at_once_than_it_may(name: str) -> None:
    """AWS requires two at least."""
    assert "MaximumConcurrency" in CONSUMED[name][0]["ScalingConfig"]


@pytest.mark.parametrize("name", CONSUMED)
def test_a_message_that_failed_five_times_is_kept_for_14_days_with_an_alarm(name: str) -> None:
    assert _queue(name)["RedrivePolicy"]["maxReceiveCount"] == 5
    properties = _queue(_dead_letters_of(name))
    assert properties["MessageRetentionPeriod"] == 14 * 24 * 60 * 60
    assert _is_watched(properties)


def _dead_letters_of(name: str) -> str:
    return str(_queue(name)["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"].partition(".")[0])


def test_consumers_share_no_dead_letters() -> None:
    """So that the dead letters of one consumer can be redriven without the others'."""
    shared: dict[str, set[str]] = {}
    for name, (_, consumer) in CONSUMED.items():
        shared.setdefault(_dead_letters_of(name), set()).add(consumer)
    assert all(len(consumers) == 1 for consumers in shared.values())


def _is_watched(queue: Resource) -> bool:
    """Whether an alarm watches the number of messages in a queue."""
    return _watched(queue, "ApproximateNumberOfMessagesVisible")


def _watched(queue: Resource, metric: str) -> bool:
    name = queue["QueueName"]["Fn::Sub"].rpartition("}")[2]
    alarms = [alarm["Properties"] for alarm in of_type("AWS::CloudWatch::Alarm").values()]
    dimensions = [alarm["Dimensions"] for alarm in alarms if alarm.get("MetricName") == metric]
    return any(text(each[0]["Value"]).endswith(name) for each in dimensions)


@pytest.mark.parametrize("name", CONSUMED)
def test_a_message_outlives_its_tries(name: str) -> None:
    assert _queue(name)["MessageRetentionPeriod"] > 5 * _queue(name)["VisibilityTimeout"]


# --- subscribers and jobs -------------------------------------------------------------------------------------


def _physical(name: str) -> str:
    return str(_queue(name)["QueueName"]["Fn::Sub"].rpartition("}-")[2])


def _subscribed() -> set[str]:
    import composition  # noqa: F401 - the subscriptions of all domains
    from log.subscriptions import subscriptions

    return {each.queue for each in subscriptions()}


def test_the_dispatcher_alone_follows_the_stream_of_events() -> None:
    assert STREAM_CONSUMERS == ["DispatchFunction"]


def test_the_dispatcher_sends_to_the_queue_of_every_subscriber_and_may_else_do_what_the_index_does() -> None:
    dispatcher, index = functions()["DispatchFunction"].properties, functions()["IndexFunction"].properties
    (policy,), (at_once,) = dispatcher["Policies"], index["Policies"]
    statement, *others = policy["Statement"]
    assert others == at_once["Statement"]
    assert statement["Action"] == ["sqs:SendMessage*"]
    told = {_physical(name) for name in CONSUMED if f"'{name}" in str(dispatcher["Environment"]["Variables"])}
    allowed = {_physical(name) for name in CONSUMED if _grants(name, statement["Resource"])}
    assert told == allowed == _subscribed()


def _grants(name: str, arns: Any) -> bool:
    """Whether a queue is among these ARNs, as a resource of the template or as the parameter {id}Arn."""
    return f"'{name}." in str(arns) or f"'{name}Arn'" in str(arns)


@pytest.mark.parametrize("queue", sorted(_subscribed()))
def test_a_subscriber_that_falls_behind_raises_an_alarm(queue: str) -> None:
    (name,) = [name for name in CONSUMED if _physical(name) == queue]
    assert _watched(_queue(name), "ApproximateAgeOfOldestMessage")


def test_the_dispatcher_is_called_for_what_somebody_subscribes_to() -> None:
    written = (generate.ROOT / "infra/streams.yaml").read_text()
    assert generate.dispatched() in written, "make check writes it"


def test_every_queue_that_jobs_name_is_one_of_the_fan_out() -> None:
    import composition  # noqa: F401 - the jobs of all domains
    from realtime import jobs

    queues = {_physical(name) for name, (_, consumer) in CONSUMED.items() if consumer == "FanoutFunction"}
    assert jobs.queues() | {jobs.DEFAULT_QUEUE} == queues


def test_every_queue_is_encrypted_and_consumed_or_a_dead_letter_queue() -> None:
    queues = of_type("AWS::SQS::Queue")
    dead = {_dead_letters_of(name) for name in CONSUMED}
    dead |= {_dead_letters_of_stream(name) for name in STREAM_CONSUMERS}
    dead |= {"ScheduleDeadLetters", "DriveDeadLetters"}  # for failed events and asynchronous calls (test_account.py)
    assert queues.keys() == CONSUMED.keys() | dead
    assert all(queue["Properties"]["SqsManagedSseEnabled"] is True for queue in queues.values())


def test_who_reports_for_a_group_s_policy_can_tell_its_admins() -> None:
    variables = functions()["ModerateFunction"].properties["Environment"]["Variables"]
    assert "NOTIFICATIONS_QUEUE_URL" in variables
