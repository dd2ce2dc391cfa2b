"""Profiles: read, change and search them; and functions about people for other domains."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kernel import clock, ids, parallel
from kernel.blobs import BlobMissing
from kernel.cache import Memo
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from kernel.transactions import Transaction
from users import avatars, relations_store, store
from users.model import NoticeKind, Profile, UserSettings, UserSummary, fold, leads_to, receives, refuse

MEMO_S = 30
NAMES_MEMO_S = 300
NOBODY_MEMO_S = 5  # so that a new person can soon be mentioned
SEARCH_ROUNDS = 4
SEARCH_ENTRIES = 50  # with a profile and a possible block each, one round is one batch read of 100

_profile_memo: Memo[UserSummary] = Memo(max_entries=5_000, ttl_s=MEMO_S)
_id_memo: Memo[str] = Memo(max_entries=5_000, ttl_s=NAMES_MEMO_S)  # usernames do not change; "" for nobody


# --- for other domains ----------------------------------------------------------------------------------------


def public_profiles(user_ids: Iterable[str]) -> dict[str, UserSummary]:
    """The public profiles by id, up to 30 s old; unknown people are left out. One round trip per 100 not cached."""
    wanted = dict.fromkeys(user_ids)
    found = {user_id: known for user_id in wanted if (known := _profile_memo.get(user_id)) is not None}
    return found | _read([user_id for user_id in wanted if user_id not in found])


def _read(user_ids: Iterable[str]) -> dict[str, UserSummary]:
    """The present public profiles by id: one round trip per 100."""
    found = {}
    for user_id, profile in store.profiles([each for each in user_ids if ids.is_id(each, "usr")]).items():
        found[user_id] = _with_avatar_url(profile).public
        _profile_memo.put(user_id, found[user_id])
    return found


def _with_avatar_url(profile: Profile) -> Profile:
    """The profile with a signed URL of its avatar."""
    return replace(profile, avatar_url=avatars.address(profile.avatar_key))


def ids_by_username(usernames: Iterable[str]) -> dict[str, str]:
    """The ids by username; unknown people are left out. One query for each username that is not cached."""
    wanted = list(dict.fromkeys(usernames))
    missing = [username for username in wanted if _id_memo.get(username) is None]
    for username, user_id in zip(missing, parallel.mapped(store.user_id_of, missing), strict=True):
        _id_memo.put(username, user_id or "", ttl_s=None if user_id else NOBODY_MEMO_S)
    return {username: user_id for username in wanted if (user_id := _id_memo.get(username))}


def settings_of(user_ids: Iterable[str]) -> dict[str, UserSettings]:
    """The present settings by user id; unknown people are left out. One round trip per 100."""
    wanted = [user_id for user_id in dict.fromkeys(user_ids) if ids.is_id(user_id, "usr")]
    return {user_id: profile.settings for user_id, profile in store.profiles(wanted).items()}


def existing(user_ids: Iterable[str]) -> dict[str, UserSummary]:
    """The present public profiles of people who have an account, which erased ones have not: one round trip per 100."""
    now = clock.now()
    return {user_id: person for user_id, person in _read(dict.fromkeys(user_ids)).items() if not person.is_gone(now)}


def require_user(user_id: str) -> UserSummary:
    """The public profile of somebody who has an account; raises NotFound, for erased people as well."""
    found = existing([user_id]).get(user_id)
    if found is None:
        raise NotFound
    return found


def blocks_between(a: str, b: str) -> tuple[bool, bool]:
    """Whether `a` blocks `b`, and whether `b` blocks `a`: one round trip."""
    return _blocks_among([(a, b)])[a, b]


def _blocks_among(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[bool, bool]]:
    """`blocks_between` for each of these pairs: one round trip per 50."""
    asked = list(dict.fromkeys(pairs))
    found = relations_store.blocks([*asked, *((other, one) for one, other in asked)])
    return dict(zip(asked, zip(found[: len(asked)], found[len(asked) :], strict=True), strict=True))


def receiving_pairs(kind: NoticeKind, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """The (receiver, actor) pairs in which the receiver gets the actor's notices, by present blocks.

    One round trip per 50.
    """
    blocks = _blocks_among((receiver, actor) for receiver, actor in pairs if receiver != actor)
    return {
        (receiver, actor)
        for receiver, actor in pairs
        if receives(kind, actor, apart=(actor,) if any(blocks.get((receiver, actor), ())) else ())
    }


def receivers(kind: NoticeKind, actor_id: str, among: Collection[str]) -> set[str]:
    """The people in `among` who receive notices of `actor_id`, by present blocks: one round trip per 50."""
    return {receiver for receiver, _ in receiving_pairs(kind, [(each, actor_id) for each in among])}


def reachable(kind: NoticeKind, caller_id: str, others: Collection[str]) -> set[str]:
    """The people in `others` who receive the caller's notices: one round trip per 50.

    Raises Forbidden `blocked` if the caller blocks one who does not receive them.
    """
    found = set()
    for (_, each), (blocks, blocked) in _blocks_among((caller_id, each) for each in others).items():
        if receives(kind, caller_id, apart=(caller_id,) if blocks or blocked else ()):
            found.add(each)
        elif blocks:
            refuse(blocks=True)
    return found


def require_reachable(kind: NoticeKind, caller_id: str, other_id: str) -> None:
    """Require that no block withholds this kind of notice between the two.

    Raises Forbidden `blocked` if the caller blocks the other, NotFound if the other blocks the caller.
    """
    blocks, blocked = blocks_between(caller_id, other_id)
    if not receives(kind, other_id, apart=(other_id,) if blocks or blocked else ()):
        refuse(blocks=blocks)


def contacts_among(pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """The pairs of people who are contacts: one round trip per 100."""
    return {pair for pair, accepted in zip(pairs, relations_store.accepted(pairs), strict=True) if accepted}


def contact_ids(user_id: str) -> list[str]:
    """The ids of all contacts of this person: one round trip per 1,000 contacts and requests."""
    return [link.user_id for link in relations_store.links(user_id, "accepted", after=None, limit=None)]


def blocked_ids(user_id: str) -> set[str]:
    """The ids of all people whom this person blocks: one round trip per megabyte."""
    return set(relations_store.blocked_by(user_id, after=None, limit=None))


def blockers_among(user_id: str, others: Sequence[str]) -> set[str]:
    """The people in `others` who block this person: one round trip per 100."""
    found = relations_store.blocks([(each, user_id) for each in others])
    return {each for each, blocks in zip(others, found, strict=True) if blocks}


def add_profile_to(transaction: Transaction, *, user_id: str, username: str, display_name: str, email: str) -> Profile:
    """Stage a new person's profile and directory entries in the transaction that registers them."""
    profile = Profile(id=user_id, username=username, display_name=display_name, email=email, created_at=clock.now())
    store.stage_new(transaction, profile)
    return profile


def is_platform_admin(user_id: str) -> bool:
    """Whether somebody has the platform role `admin` now."""
    found = store.profile(user_id)
    return found is not None and found.role == "admin"


def directory_entries(prefix: str, *, after: Sequence[str] | None, limit: int) -> list[tuple[str, str]]:
    """The directory's (term, user id) entries that begin with `prefix`, sorted, from after the entry `after`."""
    return store.entries(prefix, after=after, limit=limit) if prefix.strip("@") else []


def schedule_erasure_in(transaction: Transaction, *, user_id: str, erased_at: int) -> None:
    """Note the time of an erasure and hide the person from search, in a transaction (label `profile`).

    Raises NotFound.
    """
    store.stage_erasure(transaction, _stored(user_id), erased_at)


def cancel_erasure_in(transaction: Transaction, *, user_id: str) -> None:
    """Cancel a scheduled erasure in a transaction (label `profile`); raises NotFound, Conflict if there is none."""
    profile = _stored(user_id)
    if profile.erased_at is None or profile.erased_at <= clock.now():
        raise Conflict("There is no erasure to take back.")
    store.stage_erasure_cancelled(transaction, profile)


def erase(user_id: str) -> None:
    """Replace a person's profile by that of a deleted user."""
    store.erase(user_id)
    _profile_memo.drop(user_id)


# --- for routes -----------------------------------------------------------------------------------------------


def get(user_id: str) -> Profile:
    """A person's full profile; raises NotFound."""
    return shown(store.profile(user_id))


def shown(profile: Profile | None) -> Profile:
    """A stored profile as its person gets it; raises NotFound for None."""
    if profile is None:
        raise NotFound
    return _with_avatar_url(profile)


def public(user_id: str) -> UserSummary:
    """Somebody's present public profile; raises NotFound."""
    if not ids.is_id(user_id, "usr"):
        raise NotFound
    found = get(user_id).public
    _profile_memo.put(user_id, found)
    return found


def _stored(user_id: str) -> Profile:
    profile = store.profile(user_id)
    if profile is None:
        raise NotFound
    return profile


def change(*, user_id: str, changes: Mapping[str, Any], picture: str | None = None) -> Profile:
    """Change one's own profile; of concurrent changes each takes effect in its own fields.

    `picture` is the blob key of the thumbnail of the file `avatar_file_id`; without it, that file is refused with
    ValidationFailed. Raises NotFound, Conflict.
    """
    if "avatar_file_id" in changes:
        changes = {**changes, "avatar_key": _avatar(user_id, changes["avatar_file_id"], picture)}

    def attempt() -> tuple[Profile, Profile]:
        before = _stored(user_id)
        after = before.changed(changes)
        if after != before:
            store.replace(before, after)
        return before, after

    try:
        before, after = retried(attempt, on=Conflict)
    except (Conflict, NotFound):
        avatars.remove(changes.get("avatar_key"))
        raise
    profile = _with_avatar_url(after)
    _profile_memo.put(user_id, profile.public)
    if before.avatar_key != after.avatar_key:
        avatars.remove(before.avatar_key)
    return profile


def _avatar(user_id: str, file_id: str | None, picture: str | None) -> str | None:
    """The key of a new avatar; None for none. Raises ValidationFailed."""
    if file_id is None:
        return None
    try:
        if picture is not None:
            return avatars.keep(user_id, picture)
    except BlobMissing:
        pass  # deleted since
    raise ValidationFailed.of("avatar_file_id", "there is no such picture of yours")


def search(*, user_id: str, q: str, limit: int, after: str | None) -> Page[UserSummary]:
    """People whose username, display name or a word of it begins with `q`, except those who block the caller.

    A page may be shorter than `limit` and still have a next one.
    """
    prefix = fold(q)
    paging = Paginator(after, user_id, "users", prefix)
    last = paging.start
    found: list[UserSummary] = []
    for _ in range(SEARCH_ROUNDS if prefix.strip("@") else 0):
        entries = store.entries(prefix, after=last, limit=SEARCH_ENTRIES + 1)
        more = len(entries) > SEARCH_ENTRIES
        entries = entries[:SEARCH_ENTRIES]
        profiles = relations_store.profiles_visible_to(user_id, [each for _, each in entries])
        for n, (term, each) in enumerate(entries):
            if each in profiles and leads_to(profiles[each], prefix, term):
                found.append(_with_avatar_url(profiles[each]).public)
            last = [term, each]
            if len(found) == limit and (more or n + 1 < len(entries)):
                return Page(found, paging.cursor(last))
        if not more:
            return Page(found)
    return Page(found, paging.cursor(last if prefix.strip("@") else None))
