"""Public links: whoever has the token may download, until the link expires, is used up or is deleted."""

from __future__ import annotations

import hashlib
import hmac
import os
from base64 import b64decode, b64encode
from functools import partial
from typing import Any

from accounts import session_api as accounts
from drive import store, views
from drive.files import access
from drive.files import service as files
from drive.model import PublicLink
from drive.sharing import link_store
from kernel import clock, ids, limiter, origin, telemetry
from kernel.caller import Caller
from kernel.errors import Conflict, Forbidden, Gone, NotFound, ValidationFailed
from kernel.limiter import Limit
from kernel.paging import Page, Paginator

TOKEN_BITS = 192
TOKEN_MAX_CHARS = 64
MAX_LINKS = 20
PASSWORD_ATTEMPTS = Limit("link-password", requests=10, window_s=900, without_redis="closed")
# 16 MiB and about 50 ms an attempt (OWASP, Password Storage Cheat Sheet: scrypt); attempts are limited as well
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "dklen": 32}


def create(
    *, caller: Caller, file_id: str, ends_at: int | None, password: str | None, max_downloads: int | None
) -> dict[str, Any]:
    """Create a link to one of the caller's files; only this response has the token.

    Raises NotFound, Forbidden, NotReady, ValidationFailed for an `ends_at` in the past, Conflict `too_many`.
    """
    if ends_at is not None and ends_at <= clock.now():
        raise ValidationFailed.of("expires_at", "must be in the future")
    node = access.require_node(file_id, caller.user_id, "owner", kind="file").node
    node.require_ready()
    if len(link_store.of_file(file_id)) >= MAX_LINKS:
        raise Conflict(f"A file has at most {MAX_LINKS} links.", code="too_many")
    token = ids.token(TOKEN_BITS)
    made = PublicLink(
        link_id=ids.new("lnk"),
        file_id=file_id,
        token_hash=link_store.token_hash(token),
        ends_at=ends_at,
        password_hash=None if password is None else _hash(password),
        max_downloads=max_downloads,
        created_at=clock.now(),
        user_id=caller.user_id,
    )
    link_store.put(made)
    files.record_activity(node, caller.user_id, "link_created", link_id=made.link_id)
    return {**view(made), "token": token, "url": f"{origin.base_url()}/drive/links/{token}"}


def view(each: PublicLink) -> dict[str, Any]:
    """A link as its owner sees it, without its token."""
    return {
        "id": each.link_id,
        "expires_at": each.ends_at,
        "max_downloads": each.max_downloads,
        "downloads": each.downloads,
        "has_password": each.password_hash is not None,
        "created_at": each.created_at,
    }


def list_links(*, caller: Caller, file_id: str, limit: int, after: str | None) -> Page[dict[str, Any]]:
    """The links of a file, oldest first, without their tokens."""
    access.require_node(file_id, caller.user_id, "owner", kind="file")
    paging = Paginator(after, caller.user_id, "links", file_id)
    return paging.page_of_all(link_store.of_file(file_id), limit, lambda each: each.link_id, partial(map, view))


def remove(*, caller: Caller, file_id: str, link_id: str) -> None:
    node = access.require_node(file_id, caller.user_id, "owner", kind="file").node
    found = link_store.find(file_id, link_id)
    if found is None:
        raise NotFound
    link_store.remove(found)
    files.record_activity(node, caller.user_id, "link_removed", link_id=link_id)


def follow(*, token: str, password: str | None) -> dict[str, Any]:
    """The file behind a link and its download URL; counts as one download.

    Raises NotFound, Gone for an expired or used-up link and while its owner is banned, Forbidden `password_required` /
    `password_wrong`, and LimitExceeded after 10 wrong passwords in 15 min from the same network.
    """
    found = link_store.by_hash(link_store.token_hash(token)) if len(token) <= TOKEN_MAX_CHARS else None
    if found is None:
        raise NotFound
    now = clock.now()
    if found.ends_at is not None and found.ends_at <= now:
        raise Gone("This link has ended.")
    if found.max_downloads is not None and found.downloads >= found.max_downloads:
        raise Gone("This link is used up.")
    if accounts.is_banned(found.user_id):
        raise Gone("This link has ended.")
    _require_password(found, password)
    node = store.nodes([found.file_id]).get(found.file_id)
    if node is None or node.state != "ready":
        raise NotFound
    answer = files.download_url(node)
    if not link_store.count_download(found, now):
        if link_store.by_hash(found.token_hash) is None:
            raise NotFound
        raise Gone("This link is used up.")
    telemetry.count("LinkDownloads")
    file_view = {**views.file(node), "folder_id": None, "conversation_id": None}
    return {"file": file_view, **answer}


def _require_password(found: PublicLink, password: str | None) -> None:
    if found.password_hash is None:
        return
    if password is None:
        raise Forbidden("This link needs a password.", code="password_required")
    attempts_key = f"{found.token_hash}:{origin.network(origin.address())}"
    limiter.spend(PASSWORD_ATTEMPTS, attempts_key)
    if not any(_matches(each, found.password_hash) for each in _decodings(password)):
        raise Forbidden("This is not the password of this link.", code="password_wrong")
    limiter.give_back(PASSWORD_ATTEMPTS, attempts_key)


def _decodings(header: str) -> list[str]:
    """The possible readings of a header, whose bytes may be UTF-8 or Latin-1 (RFC 9110, 5.5)."""
    try:
        return list(dict.fromkeys([header, header.encode("latin-1").decode()]))
    except UnicodeError:
        return [header]


def _hash(password: str) -> str:
    salt = os.urandom(16)
    return f"{b64encode(salt).decode()}${b64encode(_derive(password, salt)).decode()}"


def _derive(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode("utf-8", "surrogatepass"), salt=salt, **_SCRYPT)


def _matches(password: str, kept: str) -> bool:
    salt, _, derived = kept.partition("$")
    return hmac.compare_digest(_derive(password, b64decode(salt)), b64decode(derived))
