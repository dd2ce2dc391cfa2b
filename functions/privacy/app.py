"""Routes of privacy: erasure, its cancellation, exports (contract §3)."""

from __future__ import annotations

from functools import partial
from typing import Any

from accounts.api import authenticate_by_table
from kernel.caller import Caller
from kernel.http import App
from kernel.limiter import Limit
from kernel.paging import Paginator
from kernel.schema import Paging
from privacy import exports, schemas, service

ERASURES = Limit("erasures", requests=10, window_s=900, without_redis="closed")
_STEP_UP = ["step_up_required", "invalid_credentials", "account_locked"]

app = App("privacy", authenticate=authenticate_by_table)


@app.delete(
    "/users/me",
    body=schemas.ErasureRequest,
    returns=schemas.ErasureAnswer,
    status=202,
    limits=[ERASURES],
    errors=["invalid_credentials", "account_locked"],
)
def erase_me(caller: Caller, body: schemas.ErasureRequest) -> Any:
    """Sign the caller out everywhere, hide their profile, and erase them after the grace period."""
    return {"erased_at": service.erase(caller=caller, password=body.password)}


@app.post("/users/me/restore", status=204)
def restore_me(caller: Caller) -> None:
    """Cancel the caller's erasure within the grace period."""
    service.restore(caller=caller)


@app.post(
    "/users/me/exports",
    body=schemas.ExportRequest,
    returns=schemas.ExportBegun,
    status=202,
    errors=_STEP_UP,
)
def begin_export(caller: Caller, body: schemas.ExportRequest) -> Any:
    """Begin an export of all data held on the caller; one a day."""
    return exports.begin(caller=caller, password=body.password)


@app.get("/users/me/exports", query=Paging, returns=schemas.ExportList)
def list_exports(caller: Caller, query: Paging) -> Any:
    """The caller's exports of the last 30 days, newest first."""
    paging = Paginator(query.cursor, caller.user_id, "exports")
    found = exports.list_exports(caller.user_id)
    return paging.page_of_all(found, query.limit, lambda each: -each.created_at, partial(map, exports.render))


@app.get("/users/me/exports/{export_id}", returns=schemas.Export)
def get_export(caller: Caller, export_id: str) -> Any:
    """One export, with a fresh download URL while its file exists."""
    return exports.render(exports.get(caller.user_id, export_id))
