"""People: profiles, the terms under which they are found, contacts, and the effects of a block."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any, Literal, NoReturn

from kernel.errors import Forbidden, NotFound
from kernel.text import fold as folded
from kernel.text import parts_of_word

Audience = Literal["everyone", "contacts", "nobody"]
ContactState = Literal["pending_in", "pending_out", "accepted"]
Role = Literal["user", "admin"]

DEFAULT_LOCALE = "en"
TERM_MAX_CHARS = 64
TERM_WORDS_MAX = 10
TERM_PARTS_MAX = 30  # a profile and all its terms, old and new, must fit one transaction of 100 actions


# With one of these names a person could pose as the platform, or be mistaken for a mention of everybody.
RESERVED_USERNAMES = frozenset(
    {"all", "channel", "everybody", "everyone", "here"}
    | {"admin", "administrator", "deleted_user", "moderator", "official", "root", "secureconnect", "security"}
    | {"staff", "support", "sysadmin", "system", "webmaster"}
)

# The synthetic accounts that test the deployed API (functions/operations/journey.py) cannot be found by search.
CANARY, CANARY_DIGITS = "canary_", 16
_CANARY = re.compile(rf"{CANARY}[0-9a-f]{{{CANARY_DIGITS}}}[ab]")


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A person's settings."""

    read_receipts: bool = True
    last_seen: Audience = "everyone"
    ai_enabled: bool = False


@dataclass(frozen=True, slots=True)
class UserSummary:
    """The public profile of a person. `erased_at` (ms) is not shown; it is 0 once the person is erased."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None
    erased_at: int | None = None

    def is_gone(self, now: int) -> bool:
        """Whether nothing new may begin with this person: their account is erased, or is being erased."""
        return self.erased_at is not None and self.erased_at <= now


@dataclass(frozen=True, slots=True)
class Profile:
    """The full profile of a person, for that person only. `version` counts changes (optimistic locking).

    `avatar_key` is the avatar's key in the blob store, `avatar_url` a signed URL of it (not stored). `erased_at` (ms)
    is when a requested erasure begins.
    """

    id: str
    username: str
    display_name: str
    email: str
    created_at: int
    bio: str | None = None
    avatar_file_id: str | None = None
    avatar_key: str | None = None
    avatar_url: str | None = None
    email_verified: bool = False
    locale: str = DEFAULT_LOCALE
    settings: UserSettings = field(default_factory=UserSettings)
    role: Role = "user"
    version: int = 0
    erased_at: int | None = None

    @property
    def public(self) -> UserSummary:
        erased_at = self.erased_at if self.email else 0  # the profile of a deleted user has no address
        return UserSummary(self.id, self.username, self.display_name, self.avatar_url, self.bio, erased_at)

    @property
    def terms(self) -> frozenset[str]:
        """The folded texts by whose prefixes this person is found; none for a synthetic account, nor while an erasure
        is requested."""
        if self.erased_at is not None or _CANARY.fullmatch(self.username):
            return frozenset()
        return terms(self.username, self.display_name)

    def changed(self, changes: Mapping[str, Any]) -> Profile:
        """The profile after these changes; settings are merged."""
        settings = replace(self.settings, **changes.get("settings", {}))
        return replace(self, **{**changes, "settings": settings})


@dataclass(frozen=True, slots=True)
class ContactLink:
    """One side of a contact: the other person, the state as its owner sees it, and the time of the request (ms)."""

    user_id: str
    state: ContactState
    created_at: int


@dataclass(frozen=True, slots=True)
class Relationship:
    """A person's relationship to another: whether the other has an account, whether the person `blocks` them or is
    `blocked` by them, and the contact."""

    known: bool
    blocks: bool
    blocked: bool
    link: ContactLink | None


NoticeKind = Literal[
    "message",
    "mention",
    "reply",
    "reaction",
    "typing",
    "receipt",
    "ring",
    "presence",
    "push",
    "share",
    "invitation",
    "contact_request",
    "keys",
]


def receives(kind: NoticeKind, actor_id: str | None, *, apart: Collection[str]) -> bool:
    """Whether a person receives a notice caused by `actor_id` (None for the platform).

    `apart` are the people whom the person blocks or who block them: of those only messages in groups are received.
    """
    return kind == "message" or actor_id is None or actor_id not in apart


def refuse(*, blocks: bool) -> NoReturn:
    """Raise Forbidden `blocked` if the caller blocks the other person, else NotFound, which hides the other's block."""
    if blocks:
        raise Forbidden("You have blocked this person.", code="blocked")
    raise NotFound


def fold(text: str) -> str:
    """The text without case, accents and repeated spaces, for search: at most 64 characters."""
    return " ".join(folded(text).split())[:TERM_MAX_CHARS].rstrip()


def require_username(username: str) -> str:
    """The username, if it is allowed; raises ValueError for reserved ones and those without a letter or digit."""
    if username.strip("._") in RESERVED_USERNAMES:
        raise ValueError("this username is reserved")
    if not any(char.isalnum() for char in username):
        raise ValueError("must have a letter or a digit")
    return username


def handle(username: str) -> str:
    """The directory term that finds only the person with this username, as in a mention."""
    return f"@{fold(username)}"


def terms(username: str, display_name: str) -> frozenset[str]:
    """The folded terms of a profile: username, @username, display name, its first ten words and their parts."""
    whole = fold(display_name)
    parts = (part for word in whole.split()[:TERM_WORDS_MAX] for part in parts_of_word(word))
    return frozenset(term for term in (fold(username), handle(username), whole, *islice(parts, TERM_PARTS_MAX)) if term)


def leads_to(profile: Profile, prefix: str, term: str) -> bool:
    """Whether `term` is the first of a profile's terms with this prefix, so that each person is listed once."""
    matching = [each for each in profile.terms if each.startswith(prefix)]
    return bool(matching) and min(matching) == term
