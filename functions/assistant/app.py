"""Routes of AI help (contract §9)."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel

from accounts.api import authenticate
from assistant import digests, meaning_search, people, requests, service, transcripts
from assistant import schemas as shapes
from assistant.model import Feature
from kernel.caller import Caller
from kernel.http import Answer, App, FirstAnswer
from kernel.limiter import Limit

# money is behind these: without Redis they are counted in DynamoDB (R19)
ASKED = Limit("ai", requests=300, window_s=60, without_redis="closed")
_ERRORS = ("ai_disabled", "encrypted_conversation", "ai_unavailable", "ai_budget_exceeded")

app = App("assistant", authenticate=authenticate)


@app.get("/ai/settings", returns=shapes.AiSettings)
def get_ai_settings(caller: Caller) -> Any:
    """What one has chosen, which provider answers, and what is left of today's budget."""
    return people.get(caller.user_id)


@app.put("/ai/settings", body=shapes.AiSettingsChanges, returns=shapes.AiSettings)
def change_ai_settings(caller: Caller, body: shapes.AiSettingsChanges) -> Any:
    """Change any of `enabled`, `features`, `language`."""
    return people.change(caller.user_id, body.model_dump(exclude_unset=True))


def _asking(feature: Feature) -> dict[str, Any]:
    """The options of a route that asks for something: an Idempotency-Key gets the first answer again unless a message
    that it rests on, a right or the consent is another by then."""

    def stands(first: FirstAnswer, caller: Caller, body: shapes.Streamable) -> bool:
        return body.stream or first.headers.get("ETag") == requests.task(caller, feature, _fields(body)).basis

    return {
        "returns": shapes.AnswerOrRequest,
        "limits": [ASKED],
        "errors": _ERRORS,
        "other_statuses": [202],
        "headers": ["ETag"],
        "stands": stands,
    }


def _fields(body: shapes.Streamable) -> dict[str, Any]:
    return body.model_dump(exclude={"stream"})


def _asked(caller: Caller, feature: Feature, body: shapes.Streamable) -> Answer:
    if body.stream:
        return Answer({"request_id": requests.start(caller, feature, _fields(body))}, status=202)
    task = requests.task(caller, feature, _fields(body))
    return Answer(service.carry_out(task), headers={"ETag": task.basis})


@app.post("/ai/summaries", body=shapes.NewSummary, **_asking("summaries"))
def summarise(caller: Caller, body: shapes.NewSummary) -> Any:
    """What matters in what is unread, in what came after a seq, or in a thread; statements have their citations."""
    return _asked(caller, "summaries", body)


@app.post("/ai/replies", body=shapes.NewReplies, **_asking("replies"))
def suggest_replies(caller: Caller, body: shapes.NewReplies) -> Any:
    """Three things that one might say next."""
    return _asked(caller, "replies", body)


@app.post("/ai/translations", body=shapes.NewTranslation, **_asking("translations"))
def translate(caller: Caller, body: shapes.NewTranslation) -> Any:
    """A text or a message in another language."""
    return _asked(caller, "translations", body)


@app.post("/ai/rewrites", body=shapes.NewRewrite, **_asking("rewrites"))
def rewrite(caller: Caller, body: shapes.NewRewrite) -> Any:
    """A text of one's own in another tone."""
    return _asked(caller, "rewrites", body)


@app.post("/ai/answers", body=shapes.NewAnswer, **_asking("answers"))
def answer_question(caller: Caller, body: shapes.NewAnswer) -> Any:
    """An answer from the messages of a conversation, or of all of one's own; without support it says so."""
    return _asked(caller, "answers", body)


@app.post("/ai/moderations", body=shapes.NewModeration, **_asking("moderations"))
def moderate(caller: Caller, body: shapes.NewModeration) -> Any:
    """How harmful a text is, by category: a hint for people, no verdict."""
    return _asked(caller, "moderations", body)


@app.post(
    "/ai/transcriptions", body=shapes.NewTranscription, returns=shapes.Job, status=202, limits=[ASKED], errors=_ERRORS
)
def transcribe(caller: Caller, body: shapes.NewTranscription) -> Any:
    """A job that writes down what is said in a recording."""
    return transcripts.start(caller, file_id=body.file_id)


@app.get("/ai/jobs/{job_id}", returns=shapes.Job)
def get_job(caller: Caller, job_id: str) -> Any:
    """How a job of one's own is going, with its result."""
    return transcripts.job(caller, job_id)


@app.delete("/ai/requests/{request_id}", status=204)
def cancel_request(caller: Caller, request_id: str) -> None:
    """Stop a streamed answer; so does closing one's last socket."""
    requests.cancel(caller.user_id, request_id)


def _same(first: FirstAnswer, shape: type[BaseModel], now: Any) -> bool:
    """What is read anew each time is answered again while it comes out the same: else it would show what is gone."""
    return bool(json.loads(shape.model_validate(now).model_dump_json()) == first.body)


def _same_digest(first: FirstAnswer, caller: Caller, **_: Any) -> bool:
    return _same(first, shapes.Digest, digests.digest(caller))


def _same_results(first: FirstAnswer, caller: Caller, body: shapes.NewMeaningSearch) -> bool:
    return _same(first, shapes.MeaningResults, search_by_meaning(caller, body))


@app.post(
    "/ai/digests",
    body=shapes.NewDigest,
    returns=shapes.Digest,
    limits=[ASKED],
    errors=_ERRORS,
    stands=_same_digest,
)
def get_digest(caller: Caller, body: shapes.NewDigest) -> Any:
    """What one missed in all conversations with AI help, the most important first."""
    return digests.digest(caller)


@app.post(
    "/ai/search",
    body=shapes.NewMeaningSearch,
    returns=shapes.MeaningResults,
    limits=[ASKED],
    errors=_ERRORS,
    stands=_same_results,
)
def search_by_meaning(caller: Caller, body: shapes.NewMeaningSearch) -> Any:
    """Messages by their meaning and by their words, the best first."""
    return meaning_search.search(caller, q=body.q, conversation_id=body.conversation_id, limit=body.limit)
