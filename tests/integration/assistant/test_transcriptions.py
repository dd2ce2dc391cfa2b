"""Voice messages written down: the real AWS library against a server that speaks Transcribe's protocol, the steps in
the order of the state machine."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from assistant import people, transcripts
from assistant import settings as ai_settings
from assistant.consumers import transcribe as step
from assistant.model import AiDisabled, AiUnavailable, BudgetExceeded, EncryptedConversation
from assistant.providers import transcribe
from conversations import service as conversations
from drive.trash import sweep
from kernel import aws
from kernel.caller import Caller
from kernel.errors import DependencyUnavailable, NotFound, ValidationFailed
from messages import service as messages
from tests.helpers import CONTEXT
from tests.integration import desk as drive
from tests.integration import rooms
from tests.integration.assistant import desk
from tests.integration.rooms import open_socket
from tests.management import serving as management_serving
from tests.support.transcribing import SOUND, LoopbackTranscribe, serving
from tests.tools import ROOT, captured_lines

HELD_S = -(-len(SOUND) // 1_500)
SAID = {"text": "The ferry leaves at 6:40. More at (link) bring tea."}


@pytest.fixture
def service(settings: pytest.MonkeyPatch) -> Iterator[LoopbackTranscribe]:
    with serving() as found:
        _configured(settings, AI_TRANSCRIPTIONS="transcribe", AI_TRANSCRIBE_URL=found.url)
        yield found
    ai_settings.settings.cache_clear()


def _configured(settings: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        settings.setenv(name, value)
    ai_settings.settings.cache_clear()


@pytest.fixture
def cast() -> tuple[Caller, Caller, str, str, str]:
    """Two people, their group, a voice message of the second in it, and the message's id."""
    ada, bob = rooms.people("ada", "bob")
    tea = desk.group(ada, bob)
    file_id = drive.put(bob, SOUND, name="voice.ogg", content_type="audio/ogg", conversation_id=tea)
    message, _ = rooms.say(bob, tea, None, client_id="voice", attachment_ids=[file_id])
    return ada, bob, tea, file_id, message["id"]


def _run(who: Caller, job_id: str, *, steps: int = 20) -> list[str]:
    """The statuses of a run of the state machine, by its definition."""
    found: list[str] = []
    event: dict[str, Any] = {"user_id": who.user_id, "job_id": job_id}
    for _ in range(steps):
        event = step.handler(event, CONTEXT)
        found.append(event["status"])
        if event["status"] not in ("running", "done", "failed"):
            break
    return found


def _used(who: Caller) -> float:
    return float(people.get(who.user_id)["budget"]["used_usd"])


def test_the_machine_goes_on_by_what_a_step_answers() -> None:
    machine = json.loads((ROOT / "statemachines/transcription.asl.json").read_text())
    states = machine["States"]
    running, again = states["WhatNow"]["Choices"]
    assert (running["StringEquals"], running["Next"]) == ("running", "WaitForTranscribe")
    assert [each["StringEquals"] for each in again["Or"]] == ["done", "failed"]
    assert states["WaitForTranscribe"]["Next"] == machine["StartAt"] == again["Next"] == "Step"


def test_a_voice_message_is_written_down_told_and_counted(
    service: LoopbackTranscribe, cast: Any, settings: pytest.MonkeyPatch
) -> None:
    ada, _, _, file_id, _ = cast
    service.looks_until_done = 3
    job = transcripts.start(ada, file_id=file_id)
    assert (job["status"], job["result"]) == ("queued", None)
    assert _used(ada) == pytest.approx(HELD_S * 0.0004)
    open_socket(ada, "socket-1")
    with management_serving(settings) as management:
        assert _run(ada, job["id"]) == ["running", "running", "running", "done", "over"]
        (done,) = [each for each in management.frames("socket-1") if each["type"] == "ai.done"]
    answer = done["data"]["answer"]
    assert done["data"]["request_id"] == job["id"]
    assert answer["result"]["text"] == "The ferry leaves at 6:40. More at (link) bring tea."
    assert answer["result"]["segments"][0] == {"start_ms": 100, "end_ms": 1_900, "text": "The ferry leaves at 6:40."}
    assert (answer["provider"], answer["model"], answer["citations"]) == ("transcribe", "amazon-transcribe", [])
    assert answer["usage"]["cost_usd"] == _used(ada) == pytest.approx(22 * 0.0004)
    shown = transcripts.job(ada, job["id"])
    assert (shown["status"], shown["result"]) == ("done", answer["result"])
    assert service.jobs == {}  # nothing stays at Transcribe
    assert [key for key in drive.blobs_left() if key.startswith("transcriptions/")] == []


def test_every_step_may_be_repeated(service: LoopbackTranscribe, cast: Any) -> None:
    ada, _, _, file_id, _ = cast
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    event = {"user_id": ada.user_id, "job_id": job_id}
    for _ in range(2):
        begun = step.handler(event, CONTEXT)
    step.handler(begun, CONTEXT)
    done = step.handler(begun, CONTEXT)
    for _ in range(3):
        assert step.handler(done, CONTEXT)["status"] == "over"
    assert _used(ada) == pytest.approx(22 * 0.0004)
    assert service.asked.count("StartTranscriptionJob") == 2  # the second met the first


def test_who_else_may_hear_it_has_the_transcript_at_once_and_for_nothing(
    service: LoopbackTranscribe, cast: Any
) -> None:
    ada, bob, _, file_id, _ = cast
    _run(ada, transcripts.start(ada, file_id=file_id)["id"])
    job = transcripts.start(bob, file_id=file_id)
    assert (job["status"], job["result"]["text"]) == ("done", SAID["text"])
    assert _used(bob) == 0
    assert service.asked.count("StartTranscriptionJob") == 1


def test_the_transcript_goes_with_its_message(service: LoopbackTranscribe, cast: Any) -> None:
    ada, bob, tea, file_id, message_id = cast
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    _run(ada, job_id)
    messages.delete(caller=bob, conversation_id=tea, message_id=message_id)
    with pytest.raises(NotFound):
        transcripts.job(ada, job_id)
    sweep.sweep()
    assert drive.blobs_left() == []


def test_a_message_that_is_deleted_meanwhile_leaves_no_transcript(service: LoopbackTranscribe, cast: Any) -> None:
    ada, bob, tea, file_id, message_id = cast
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    _run(ada, job_id, steps=2)
    messages.delete(caller=bob, conversation_id=tea, message_id=message_id)
    done = {"user_id": ada.user_id, "job_id": job_id, "status": "done", "looks": 1}
    assert step.handler(done, CONTEXT)["status"] == "over"
    sweep.sweep()
    assert drive.blobs_left() == []
    shown = transcripts.job(ada, job_id)
    assert (shown["status"], shown["problem"]["code"]) == ("failed", "not_found")
    assert _used(ada) == pytest.approx(HELD_S * 0.0004)  # Transcribe has heard it


def test_who_was_removed_gets_nothing_of_it(service: LoopbackTranscribe, cast: Any) -> None:
    ada, bob, tea, _, _ = cast
    file_id = drive.put(ada, SOUND, name="more.ogg", content_type="audio/ogg", conversation_id=tea)
    rooms.say(ada, tea, None, client_id="more", attachment_ids=[file_id])
    job_id = transcripts.start(bob, file_id=file_id)["id"]
    assert _run(bob, job_id, steps=2) == ["running", "done"]
    rooms.remove(ada, tea, bob)
    step.handler({"user_id": bob.user_id, "job_id": job_id, "status": "done"}, CONTEXT)
    assert transcripts.job(bob, job_id)["problem"]["code"] == "not_found"
    assert [key for key in drive.blobs_left() if not key.startswith("files/")] == []


def test_a_job_that_fails_costs_nothing_and_is_told(service: LoopbackTranscribe, cast: Any) -> None:
    ada, _, _, file_id, _ = cast
    service.fails = True
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    assert _run(ada, job_id) == ["running", "failed", "over"]
    shown = transcripts.job(ada, job_id)
    assert (shown["status"], shown["problem"]["code"]) == ("failed", "dependency_unavailable")
    assert _used(ada) == 0


def test_what_the_machine_gives_up_is_freed_and_told(service: LoopbackTranscribe, cast: Any) -> None:
    ada, _, _, file_id, _ = cast
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    service.is_down = True
    event = {"user_id": ada.user_id, "job_id": job_id}
    with pytest.raises(DependencyUnavailable):
        step.handler(event, CONTEXT)
    service.is_down = False
    assert step.handler({**event, "failed": {"Error": "States.Timeout"}}, CONTEXT)["status"] == "over"
    assert transcripts.job(ada, job_id)["status"] == "failed"
    assert _used(ada) == 0


def test_a_job_that_does_not_end_is_given_up(service: LoopbackTranscribe, cast: Any) -> None:
    ada, _, _, file_id, _ = cast
    service.looks_until_done = 9_999
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    step.handler({"user_id": ada.user_id, "job_id": job_id}, CONTEXT)
    late = {"user_id": ada.user_id, "job_id": job_id, "status": "running", "looks": 400}
    assert step.handler(late, CONTEXT)["status"] == "failed"


def test_a_budget_that_has_no_room_is_told_before_anything_is_asked(
    service: LoopbackTranscribe, cast: Any, settings: pytest.MonkeyPatch
) -> None:
    _configured(settings, AI_USD_PER_DAY="0.001")
    with pytest.raises(BudgetExceeded):
        transcripts.start(cast[0], file_id=cast[3])
    assert service.asked == []


def test_consent_is_asked_in_the_contract_s_order(service: LoopbackTranscribe, cast: Any) -> None:
    ada, bob, tea, file_id, _ = cast
    (eve,) = rooms.people("eve")
    desk.switched_on(eve)
    with pytest.raises(NotFound):
        transcripts.start(eve, file_id=file_id)
    people.change(ada.user_id, {"features": {"transcriptions": False}})
    with pytest.raises(AiDisabled):
        transcripts.start(ada, file_id=file_id)
    job_id = transcripts.start(bob, file_id=file_id)["id"]
    _run(bob, job_id)
    conversations.change(caller=ada, conversation_id=tea, fields={"settings": {"encrypted": True}})
    with pytest.raises(EncryptedConversation):
        transcripts.start(bob, file_id=file_id)
    with pytest.raises(EncryptedConversation):
        transcripts.job(bob, job_id)


def test_what_was_shared_by_a_message_is_heard_as_its_conversation_allows(service: LoopbackTranscribe) -> None:
    ada, bob = rooms.people("ada", "bob")
    desk.switched_on(ada, bob)
    silent = rooms.group(bob, ada)
    file_id = drive.put(bob, SOUND, name="voice.ogg", content_type="audio/ogg")
    rooms.say(bob, silent, None, client_id="v", attachment_ids=[file_id])
    with pytest.raises(AiDisabled):
        transcripts.start(ada, file_id=file_id)
    assert transcripts.start(bob, file_id=file_id)["status"] == "queued"


def test_only_sound_is_written_down(service: LoopbackTranscribe) -> None:
    (ada,) = rooms.people("ada")
    desk.switched_on(ada)
    with pytest.raises(ValidationFailed):
        transcripts.start(ada, file_id=drive.put(ada))


def test_without_transcribe_it_is_refused_by_name(cast: Any) -> None:
    with pytest.raises(AiUnavailable, match="embedded does not have the feature transcriptions"):
        transcripts.start(cast[0], file_id=cast[3])


def test_nothing_of_it_stands_in_a_log(service: LoopbackTranscribe, cast: Any) -> None:
    ada, _, _, file_id, _ = cast
    with captured_lines() as written:
        _run(ada, transcripts.start(ada, file_id=file_id)["id"])
    assert "assistant.transcribe" in written.text
    assert "ferry" not in written.text


def test_a_document_without_segments_is_read_by_its_items() -> None:
    items = [{"start_time": "0.5", "end_time": "0.9"}, {"type": "punctuation"}, {"start_time": "1.0", "end_time": "2"}]
    document = {"results": {"transcripts": [{"transcript": "Good morning."}], "items": items}}
    (segment,) = transcribe.segments_of(document)
    assert (segment.start_ms, segment.end_ms, segment.text) == (500, 2_000, "Good morning.")
    assert transcribe.segments_of({"results": {"transcripts": [{"transcript": ""}], "items": []}}) == []


def test_transcribe_reads_the_recording_and_writes_into_our_bucket_alone(
    service: LoopbackTranscribe, cast: Any
) -> None:
    ada, _, _, file_id, _ = cast
    job_id = transcripts.start(ada, file_id=file_id)["id"]
    step.handler({"user_id": ada.user_id, "job_id": job_id}, CONTEXT)
    (job,) = service.jobs.values()
    bucket = job["OutputBucketName"]
    assert job["Media"]["MediaFileUri"].startswith(f"s3://{bucket}/files/{file_id}/")
    assert job["OutputKey"].startswith(f"transcriptions/{file_id}/")
    assert (job["MediaFormat"], job["IdentifyLanguage"]) == ("ogg", True)
    assert aws.client("s3").list_objects_v2(Bucket=bucket, Prefix="transcripts/")["KeyCount"] == 0
