"""Routes of AI help (contract §9)."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from accounts.api import authenticate
from assistant import digests, meaning_search, people, requests, schemas, service
from assistant.model import Feature
from kernel.answers import Answer, FirstAnswer
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit

# these routes cost money: without Redis their requests are counted in DynamoDB (R19)
ASKED = Limit("ai", requests=300, window_s=60, without_redis="closed")
_ERRORS = ("ai_disabled", "encrypted_conversation", "ai_unavailable", "ai_budget_exceeded")

app = App("assistant", authenticate=authenticate)


@app.get("/ai/settings", returns=schemas.AiSettings)
def get_ai_settings(caller: Caller) -> Any:
    """The caller's AI settings, the provider, and the usage of today's budget."""
    return people.get(caller.user_id)


@app.put("/ai/settings", body=schemas.AiSettingsChanges, returns=schemas.AiSettings)
def change_ai_settings(caller: Caller, body: schemas.AiSettingsChanges) -> Any:
    """Change any of `enabled`, `features`, `language`."""
    return people.change(caller.user_id, body.model_dump(exclude_unset=True))


def _route_options(feature: Feature) -> dict[str, Any]:
    """The options of a feature's route.

    A repeated Idempotency-Key gets the first answer again only while the messages that it is based on, the caller's
    rights and consent are unchanged.
    """

    def is_current(first: FirstAnswer, caller: Caller, body: schemas.Streamable) -> bool:
        return body.stream or first.headers.get("ETag") == requests.task(caller, feature, _fields(body)).basis

    return {
        "returns": schemas.AnswerOrRequest,
        "limits": [ASKED],
        "errors": _ERRORS,
        "other_statuses": [202],
        "headers": ["ETag"],
        "may_replay": is_current,
    }


def _fields(body: schemas.Streamable) -> dict[str, Any]:
    return body.model_dump(exclude={"stream"})


def _respond(caller: Caller, feature: Feature, body: schemas.Streamable) -> Answer:
    if body.stream:
        return Answer({"request_id": requests.start(caller, feature, _fields(body))}, status=202)
    task = requests.task(caller, feature, _fields(body))
    return Answer(service.carry_out(task), headers={"ETag": task.basis})


@app.post("/ai/summaries", body=schemas.NewSummary, **_route_options("summaries"))
def summarise(caller: Caller, body: schemas.NewSummary) -> Any:
    """Summarise the unread messages, those after a seq, or a thread; statements have citations."""
    return _respond(caller, "summaries", body)


@app.post("/ai/replies", body=schemas.NewReplies, **_route_options("replies"))
def suggest_replies(caller: Caller, body: schemas.NewReplies) -> Any:
    """Suggest three replies."""
    return _respond(caller, "replies", body)


@app.post("/ai/translations", body=schemas.NewTranslation, **_route_options("translations"))
def translate(caller: Caller, body: schemas.NewTranslation) -> Any:
    """Translate a text or a message."""
    return _respond(caller, "translations", body)


@app.post("/ai/rewrites", body=schemas.NewRewrite, **_route_options("rewrites"))
def rewrite(caller: Caller, body: schemas.NewRewrite) -> Any:
    """Rewrite a text in another tone."""
    return _respond(caller, "rewrites", body)


@app.post("/ai/answers", body=schemas.NewAnswer, **_route_options("answers"))
def answer_question(caller: Caller, body: schemas.NewAnswer) -> Any:
    """Answer a question from the messages of one or all of the caller's conversations, with citations."""
    return _respond(caller, "answers", body)


@app.post("/ai/moderations", body=schemas.NewModeration, **_route_options("moderations"))
def moderate(caller: Caller, body: schemas.NewModeration) -> Any:
    """Score how harmful a text is, by category: a hint for people, no verdict."""
    return _respond(caller, "moderations", body)


@app.post(
    "/ai/transcriptions", body=schemas.NewTranscription, returns=schemas.Job, status=202, limits=[ASKED], errors=_ERRORS
)
def transcribe(caller: Caller, body: schemas.NewTranscription) -> Any:
    """Begin a job that transcribes a recording."""
    from assistant import transcripts  # the drive comes with it, and few calls need it

    return transcripts.start(caller, file_id=body.file_id)


@app.get("/ai/jobs/{job_id}", returns=schemas.Job)
def get_job(caller: Caller, job_id: str) -> Any:
    """The state and result of one of the caller's jobs."""
    from assistant import transcripts  # as above

    return transcripts.job(caller, job_id)


@app.delete("/ai/requests/{request_id}", status=204)
def cancel_request(caller: Caller, request_id: str) -> None:
    """Cancel a streamed answer; closing the caller's last socket cancels it, too."""
    requests.cancel(caller.user_id, request_id)


def _is_unchanged(first: FirstAnswer, shape: type[BaseModel], now: Any) -> bool:
    """Whether an answer made now equals the first one, which may therefore be repeated."""
    return bool(json.loads(shape.model_validate(now).model_dump_json()) == first.body)


def _digest_is_unchanged(first: FirstAnswer, caller: Caller, **_: Any) -> bool:
    return _is_unchanged(first, schemas.Digest, digests.digest(caller))


def _results_are_unchanged(first: FirstAnswer, caller: Caller, body: schemas.NewMeaningSearch) -> bool:
    return _is_unchanged(first, schemas.MeaningResults, search_by_meaning(caller, body))


@app.post(
    "/ai/digests",
    body=schemas.NewDigest,
    returns=schemas.Digest,
    limits=[ASKED],
    errors=_ERRORS,
    may_replay=_digest_is_unchanged,
)
def get_digest(caller: Caller, body: schemas.NewDigest) -> Any:
    """Summarise the unread messages of all conversations with AI help, the most important first."""
    return digests.digest(caller)


@app.post(
    "/ai/search",
    body=schemas.NewMeaningSearch,
    returns=schemas.MeaningResults,
    limits=[ASKED],
    errors=_ERRORS,
    may_replay=_results_are_unchanged,
)
def search_by_meaning(caller: Caller, body: schemas.NewMeaningSearch) -> Any:
    """Search messages by meaning and by words, the best first."""
    return meaning_search.search(caller, q=body.q, conversation_id=body.conversation_id, limit=body.limit)
