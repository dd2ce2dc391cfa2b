"""Routes of presence (contract §10)."""

from __future__ import annotations

from typing import Any

from accounts.api import authenticate
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from presence import service
from presence.schemas import PresenceFields, PresenceList, PresenceOut, PresenceQuery

app = App("presence", authenticate=authenticate)
ASK = Limit("ask_presence", requests=120, window_s=60)


@app.put("/presence", body=PresenceFields, returns=PresenceOut, limits=[service.SET])
def set_presence(caller: Caller, body: PresenceFields) -> Any:
    """Set the presence that others see while one is connected; answers with one's own view."""
    return service.choose(caller=caller, status=body.status, text=body.text, until=body.until)


@app.get("/presence", query=PresenceQuery, returns=PresenceList, limits=[ASK])
def get_presence(caller: Caller, query: PresenceQuery) -> Any:
    """The presence of these people, as far as the caller may see it."""
    return {"items": service.seen(viewer_id=caller.user_id, user_ids=query.user_ids)}
