"""Routes of platform admins (contract §11). Everybody else gets 404, as for an unknown route."""

from __future__ import annotations

from typing import Any

from administration import schemas, service, stats
from administration.service import Person
from audit import api as audit
from audit.model import AuditFilter
from kernel import clock
from kernel.caller import Caller
from kernel.http import App
from kernel.schema import Paging
from moderation import api as moderation
from moderation.schemas import ReportList

app = App("administration", authenticate=service.authenticate, hidden=True)


def _view(person: Person) -> dict[str, Any]:
    names = ("id", "username", "display_name", "email", "email_verified", "role", "created_at")
    return {name: getattr(person.profile, name) for name in names} | {"state": person.state, "ban": person.ban}


@app.get("/admin/users", query=schemas.UsersQuery, returns=schemas.AdminUserList)
def list_users(caller: Caller, query: schemas.UsersQuery) -> Any:
    """All people, or those that a name or e-mail address matches."""
    page = service.people(admin=caller, q=query.q, state=query.state, limit=query.limit, after=query.cursor)
    return {"items": [_view(each) for each in page.items], "next_cursor": page.next_cursor}


@app.get("/admin/users/{user_id}", returns=schemas.AdminUser)
def get_user_as_admin(caller: Caller, user_id: str) -> Any:
    """One person."""
    return _view(service.person(admin=caller, user_id=user_id))


@app.post("/admin/users/{user_id}/ban", body=schemas.NewBan, returns=schemas.AdminUser)
def ban_user(caller: Caller, user_id: str, body: schemas.NewBan) -> Any:
    """Ban somebody; their sessions and sockets end within a second."""
    return _view(service.ban(admin=caller, user_id=user_id, reason=body.reason, until=body.until))


@app.post("/admin/users/{user_id}/unban", returns=schemas.AdminUser)
def unban_user(caller: Caller, user_id: str) -> Any:
    """Lift a ban."""
    return _view(service.unban(admin=caller, user_id=user_id))


@app.post("/admin/users/{user_id}/sign-out", status=204)
def sign_user_out(caller: Caller, user_id: str) -> None:
    """End all sessions and sockets of somebody."""
    service.sign_out(admin=caller, user_id=user_id)


@app.post("/admin/users/{user_id}/role", body=schemas.NewRole, returns=schemas.AdminUser)
def set_user_role(caller: Caller, user_id: str, body: schemas.NewRole) -> Any:
    """Make somebody a platform admin or a plain user."""
    return _view(service.set_role(admin=caller, user_id=user_id, role=body.role))


@app.get("/admin/stats", query=schemas.StatsQuery, returns=schemas.Stats)
def get_stats(query: schemas.StatsQuery) -> Any:
    """Statistics by day; the last 30 days by default."""
    return stats.count_days(since=query.from_, until=query.to)


@app.get("/admin/reports", query=Paging, returns=ReportList)
def list_escalated_reports(caller: Caller, query: Paging) -> Any:
    """Reports that groups' admins have escalated, with the message as it was reported."""
    return moderation.escalated(admin=caller, limit=query.limit, after=query.cursor)


@app.get("/admin/audit", query=schemas.AuditQuery, returns=schemas.AuditList)
def list_audit(caller: Caller, query: schemas.AuditQuery) -> Any:
    """The audit log, newest entry first."""
    wanted = AuditFilter(
        actor=query.actor,
        action=query.action,
        target=query.target,
        since=query.from_ or 0,
        until=clock.END if query.to is None else query.to,
    )
    page = audit.entries(reader=caller.user_id, wanted=wanted, limit=query.limit, after=query.cursor)
    items = [{**each.content, "hash": each.hash} for each in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@app.get("/admin/audit/proof", returns=schemas.AuditProof)
def prove_audit() -> Any:
    """The numbers and hashes against which an export of the audit log is verified offline."""
    return audit.proof()
