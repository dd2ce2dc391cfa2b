"""An app of notes, whose routes have one of everything that the kernel puts around a view."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field

from kernel.answers import Answer
from kernel.caller import Authenticator, Caller
from kernel.errors import Conflict, DependencyUnavailable, Forbidden, RateLimited, Unauthenticated
from kernel.http import App
from kernel.incoming import Incoming
from kernel.limiter import Limit
from kernel.schema import Input, Opaque, Output, Paging
from kernel.transactions import Cancelled
from tests.helpers import CONTEXT, Reply, rest_event

CANARY = "c4n4ry"
ADA = Caller("usr_ada", "ses_ada")
ORIGIN = "https://chat.example"


class Note(Input):
    text: Annotated[Opaque, Field(max_length=300_000)]


class Renaming(Input):
    text: str = "untitled"


class Shown(Output):
    text: str


def authenticate(token: str) -> Caller:
    if token not in ("good", "enrolling"):
        raise Unauthenticated
    return replace(ADA, must_enrol=token == "enrolling")


def notes_app() -> App:
    app = App("notes", authenticate=Authenticator(authenticate, lambda caller, _: caller))

    @app.post("/notes", body=Note, returns=Shown, status=201)
    def make(caller: Caller, body: Note) -> Any:
        """Make."""
        return {"text": f"{caller.user_id}: {body.text}"}

    @app.post("/promised/{how}", returns=Shown, measured_as="PromiseDuration")
    def keep_promise(how: str) -> Any:
        """Keep a promise, or not."""
        if how == "broken":
            raise DependencyUnavailable
        if how == "impossible":
            raise Forbidden
        return Shown(text=how)

    @app.post("/notes/{note_id}/rename", body=Renaming, returns=Shown)
    def rename(body: Renaming) -> Any:
        """Rename."""
        return body

    @app.get("/notes/{note_id}", returns=Shown)
    def get(note_id: str) -> Any:
        """Get."""
        return Shown(text=note_id)

    @app.get("/notes", query=Paging, returns=Shown)
    def find(query: Paging) -> Any:
        """Find."""
        return {"text": str(query.limit)}

    @app.get("/headers")
    def headers(request: Incoming) -> Any:
        """Look."""
        return {"address": request.address, "headers": request.headers}

    @app.delete("/notes/{note_id}", status=204)
    def drop(note_id: str) -> None:
        """Drop."""

    @app.put("/notes", returns=Shown, other_statuses=[202])
    def later() -> Answer:
        """Take."""
        return Answer({"text": "taken"}, status=202, headers={"X-Place": "7"})

    @app.get("/factors", while_enrolling=True)
    def factors(caller: Caller) -> Any:
        """Enrol."""
        return {"enrolling": caller.must_enrol}

    @app.get("/open", public=True)
    def anybody() -> Answer:
        """Public."""
        return Answer("text", headers={"Cache-Control": "public, max-age=300"})

    @app.get("/few", limits=[Limit("few", requests=2, window_s=86_400)])
    def few() -> Any:
        """Limited."""
        return {}

    @app.get("/boom")
    def boom() -> None:
        """Fail."""
        raise LookupError(CANARY)

    @app.get("/wrong", returns=Shown)
    def wrong() -> Any:
        """Answer what the model refuses."""
        return {"text": {"inner": CANARY}}

    @app.get("/busy")
    def busy() -> None:
        """Fail as expected."""
        raise DependencyUnavailable("Later.", retry_after_s=7)

    @app.get("/crowded")
    def crowded() -> None:
        """Meet others."""
        raise Cancelled({CANARY: None}, contended=True)

    @app.get("/mine")
    def mine() -> None:
        """Refuse."""
        raise Forbidden("Not yours.", code="blocked")

    @app.get("/slow")
    def slow(caller: Caller) -> None:
        """Refuse by a limit of another kind."""
        raise RateLimited(retry_after_s=30)

    @app.get("/taken")
    def taken() -> None:
        """Refuse."""
        raise Conflict

    return app


def send(app: App, **changes: Any) -> Reply:
    """POST /notes with a good body and token, the event changed as given."""
    event = rest_event("POST", "/notes", body={"text": "hello"}, token="good") | changes
    answer = app(event, CONTEXT)
    return Reply(answer["statusCode"], {k.lower(): v for k, v in answer["headers"].items()}, json.loads(answer["body"]))
