"""Profiles: reading, changing, finding them; and what other domains may ask about people."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from kernel import clock, ids, parallel
from kernel.blobs import BlobMissing
from kernel.cache import Memo
from kernel.dynamo import Key, Record, Transaction
from kernel.errors import Conflict, NotFound, ValidationFailed
from kernel.paging import Page, Paginator
from kernel.resilience import retried
from users import avatars, relations_store, store
from users.model import Notice, Profile, Role, UserSettings, UserSummary, fold, hears, leads_to, refuse

MEMO_S = 30
NAMES_MEMO_S = 300
NOBODY_MEMO_S = 5  # who is not there yet may be mentioned as soon as they are
SEARCH_ROUNDS = 4
CONTACTS_PAGE = 500
SEARCH_ENTRIES = 50  # with a profile and a possible block each, one round is one batch read of 100

_known: Memo[UserSummary] = Memo(max_entries=5_000, ttl_s=MEMO_S)
_named: Memo[str] = Memo(max_entries=5_000, ttl_s=NAMES_MEMO_S)  # usernames do not change; "" for nobody


# --- for other domains ----------------------------------------------------------------------------------------


def public_profiles(user_ids: Iterable[str]) -> dict[str, UserSummary]:
    """The public profiles of those who exist; up to 30 s old. One round trip per 100 that are not known yet."""
    wanted = dict.fromkeys(user_ids)
    found = {user_id: known for user_id in wanted if (known := _known.get(user_id)) is not None}
    missing = [user_id for user_id in wanted if user_id not in found and ids.is_id(user_id, "usr")]
    if missing:
        for user_id, profile in store.profiles(missing).items():
            found[user_id] = _shown(profile).public
            _known.put(user_id, found[user_id])
    return found


def _shown(profile: Profile) -> Profile:
    """With the address of its avatar, for somebody to see."""
    return replace(profile, avatar_url=avatars.address(profile.avatar_key))


def named(usernames: Iterable[str]) -> dict[str, str]:
    """The ids of the people with these usernames, of those who exist. A query for each that was not met lately."""
    wanted = list(dict.fromkeys(usernames))
    missing = [username for username in wanted if _named.get(username) is None]
    for username, user_id in zip(missing, parallel.mapped(store.user_id_of, missing), strict=True):
        _named.put(username, user_id or "", ttl_s=None if user_id else NOBODY_MEMO_S)
    return {username: user_id for username in wanted if (user_id := _named.get(username))}


def settings_of(user_ids: Iterable[str]) -> dict[str, UserSettings]:
    """What those of these people who exist have chosen, as it is now: one round trip per 100."""
    wanted = [user_id for user_id in dict.fromkeys(user_ids) if ids.is_id(user_id, "usr")]
    return {user_id: profile.settings for user_id, profile in store.profiles(wanted).items()}


def profile_key(user_id: str) -> tuple[type[Record], Key]:
    """The key of a person's profile, for who reads more with it in one round trip; see `profile_in`."""
    return store.key(user_id)


def profile_in(record: Any) -> Profile | None:
    """The profile in what was read under `profile_key`; without the address of its avatar."""
    return store.PROFILE.found(record)


def require_user(user_id: str) -> UserSummary:
    """The public profile of somebody who exists; raises NotFound."""
    found = public_profiles([user_id]).get(user_id)
    if found is None:
        raise NotFound
    return found


def blocks_between(a: str, b: str) -> tuple[bool, bool]:
    """Whether `a` has blocked `b`, and whether `b` has blocked `a`; one round trip."""
    return _blocks_among([(a, b)])[a, b]


def _blocks_among(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], tuple[bool, bool]]:
    """For each two people whether the first has blocked the second, and the second the first: one round trip per 50."""
    asked = list(dict.fromkeys(pairs))
    standing = relations_store.blocks([*asked, *((other, one) for one, other in asked)])
    return dict(zip(asked, zip(standing[: len(asked)], standing[len(asked) :], strict=True), strict=True))


def heard(what: Notice, pairs: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these (hearer, doer) where the one hears of what the other does, by the blocks that stand now: one
    round trip per 50."""
    blocks = _blocks_among((hearer, doer) for hearer, doer in pairs if hearer != doer)
    return {
        (hearer, doer)
        for hearer, doer in pairs
        if hears(what, doer, apart=(doer,) if any(blocks.get((hearer, doer), ())) else ())
    }


def who_hear(what: Notice, of: str, among: Collection[str]) -> set[str]:
    """Those of these people who hear of what somebody does, by the blocks that stand now: one round trip per 50."""
    return {hearer for hearer, _ in heard(what, [(each, of) for each in among])}


def reached(what: Notice, caller_id: str, others: Collection[str]) -> set[str]:
    """Those of these people who hear of what the caller does: one round trip per 50.

    Raises Forbidden `blocked` where the caller blocks one who does not.
    """
    found = set()
    for (_, each), (blocks, blocked) in _blocks_among((caller_id, each) for each in others).items():
        if hears(what, caller_id, apart=(caller_id,) if blocks or blocked else ()):
            found.add(each)
        elif blocks:
            refuse(blocks=True)
    return found


def require_heard(what: Notice, caller_id: str, other_id: str) -> None:
    """Raises Forbidden `blocked` where the caller blocks the other, and NotFound where the other blocks the caller, if
    the one does not hear of this from the other then."""
    blocks, blocked = blocks_between(caller_id, other_id)
    if not hears(what, other_id, apart=(other_id,) if blocks or blocked else ()):
        refuse(blocks=blocks)


def contacts_among(pairs: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these pairs who are contacts of each other: one round trip per 100."""
    return {pair for pair, accepted in zip(pairs, relations_store.accepted(pairs), strict=True) if accepted}


def contact_ids(user_id: str) -> list[str]:
    """Everybody who is a contact of this person: one round trip per 500."""
    found: list[str] = []
    while True:
        page = relations_store.links(user_id, "accepted", after=found[-1] if found else None, limit=CONTACTS_PAGE)
        found += [link.user_id for link in page]
        if len(page) < CONTACTS_PAGE:
            return found


def blocked_ids(user_id: str) -> set[str]:
    """Everybody whom this person blocks: one round trip per 500."""
    found: list[str] = []
    while True:
        page = relations_store.blocked_by(user_id, after=found[-1] if found else None, limit=CONTACTS_PAGE)
        found += page
        if len(page) < CONTACTS_PAGE:
            return set(found)


def who_block(user_id: str, others: Sequence[str]) -> set[str]:
    """Those of `others` who block this person: one round trip per 100."""
    standing = relations_store.blocks([(each, user_id) for each in others])
    return {each for each, stands in zip(others, standing, strict=True) if stands}


def require_no_block_in(transaction: Transaction, *, user_id: str, other_id: str) -> None:
    """Let a transaction happen only while neither blocks the other; labels `blocks` and `blocked` fail if not."""
    relations_store.stage_no_block(transaction, user_id, other_id)


def add_profile_to(transaction: Transaction, *, user_id: str, username: str, display_name: str, email: str) -> Profile:
    """A new person's profile and directory entries, as part of the transaction that registers them."""
    profile = Profile(id=user_id, username=username, display_name=display_name, email=email, created_at=clock.now())
    store.stage_new(transaction, profile)
    return profile


def verify_email_in(transaction: Transaction, *, user_id: str, email: str) -> None:
    """Mark the address as verified, as part of a transaction; label `profile` fails if it is not theirs now."""
    store.stage_verified(transaction, user_id, email)


def is_platform_admin(user_id: str) -> bool:
    """Whether somebody has the platform role of an admin now."""
    found = store.profile(user_id)
    return found is not None and found.role == "admin"


def everybody(*, after: str | None, limit: int) -> list[Profile]:
    """A part of all people, for platform admins: those read after the person `after`."""
    return store.page(after=after, limit=limit)


def found_by(prefix: str, *, after: Sequence[str] | None, limit: int) -> list[tuple[str, str]]:
    """The terms that begin with `prefix`, with the ids of whom they lead to, in order."""
    return store.entries(prefix, after=after, limit=limit) if prefix.strip("@") else []


def profiles_of(user_ids: Sequence[str]) -> dict[str, Profile]:
    """The full profiles of those of these people who exist, without addresses of avatars: one round trip per 100."""
    return store.profiles(user_ids)


def hide_in(transaction: Transaction, *, user_id: str, erased_at: int) -> None:
    """Note an erasure to come and hide the person from search, in a transaction (label `profile`); raises NotFound."""
    store.stage_hidden(transaction, _stored(user_id), erased_at)


def show_in(transaction: Transaction, *, user_id: str) -> None:
    """Take that back, in a transaction (label `profile`); raises NotFound, Conflict where nothing is to come."""
    profile = _stored(user_id)
    if profile.erased_at is None or profile.erased_at <= clock.now():
        raise Conflict("There is no erasure to take back.")
    store.stage_shown(transaction, profile)


def erase(user_id: str) -> None:
    """Leave of a person what others see where they were; every picture of theirs goes."""
    store.erase(user_id)
    _known.drop(user_id)


def set_role_in(transaction: Transaction, *, user_id: str, role: Role) -> None:
    """Give somebody a platform role, as part of a transaction; label `profile` fails if there is no such person."""
    store.stage_role(transaction, user_id, role)


# --- for routes -----------------------------------------------------------------------------------------------


def get(user_id: str) -> Profile:
    """A person's full profile; raises NotFound."""
    return _shown(_stored(user_id))


def public(user_id: str) -> UserSummary:
    """Somebody's public profile as it is now; raises NotFound."""
    if not ids.is_id(user_id, "usr"):
        raise NotFound
    found = get(user_id).public
    _known.put(user_id, found)
    return found


def _stored(user_id: str) -> Profile:
    profile = store.profile(user_id)
    if profile is None:
        raise NotFound
    return profile


def change(*, user_id: str, changes: Mapping[str, Any], picture: str | None = None) -> Profile:
    """Change one's own profile; two changes at once both take effect, each in its own fields.

    `picture` is the key of what the file named by `avatar_file_id` shows; without one that file is refused.
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
    shown = _shown(after)
    _known.put(user_id, shown.public)
    if before.avatar_key != after.avatar_key:
        avatars.remove(before.avatar_key)
    return shown


def _avatar(user_id: str, file_id: str | None, picture: str | None) -> str | None:
    """The key of a new avatar; None for none. Raises ValidationFailed."""
    if file_id is None:
        return None
    try:
        if picture is not None:
            return avatars.keep(user_id, picture)
    except BlobMissing:
        pass  # deleted in this moment
    raise ValidationFailed.of("avatar_file_id", "there is no such picture of yours")


def search(*, user_id: str, q: str, limit: int, after: str | None) -> Page[UserSummary]:
    """People whose username, display name or a word of it begins with `q`; not those who block the caller.

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
        profiles = relations_store.profiles_shown_to(user_id, [each for _, each in entries])
        for n, (term, each) in enumerate(entries):
            if each in profiles and leads_to(profiles[each], prefix, term):
                found.append(_shown(profiles[each]).public)
            last = [term, each]
            if len(found) == limit and (more or n + 1 < len(entries)):
                return Page(found, paging.cursor(last))
        if not more:
            return Page(found)
    return Page(found, paging.cursor(last if prefix.strip("@") else None))
