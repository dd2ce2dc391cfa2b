"""People: their profiles, under which words they are found, and what stands between two of them."""

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


# Whoever had one of these could speak for everybody, or for those who run the platform.
RESERVED_USERNAMES = frozenset(
    {"admin", "administrator", "all", "channel", "everybody", "everyone", "here", "moderator", "official", "root"}
    | {"secureconnect", "security", "staff", "support", "sysadmin", "system", "webmaster"}
)

# The accounts that walk through the API to see whether it works (functions/operations/journey.py) are no people:
# nobody finds them.
CANARY, CANARY_DIGITS = "canary_", 16
_CANARY = re.compile(rf"{CANARY}[0-9a-f]{{{CANARY_DIGITS}}}[ab]")


@dataclass(frozen=True, slots=True)
class UserSettings:
    """A person's choices."""

    read_receipts: bool = True
    last_seen: Audience = "everyone"
    ai_enabled: bool = False


@dataclass(frozen=True, slots=True)
class UserSummary:
    """What everybody may know of a person."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None


@dataclass(frozen=True, slots=True)
class Profile:
    """What a person knows of themselves. `version` counts changes, so that none is lost to another.

    `avatar_key` is where the picture is kept, `avatar_url` where it can be seen now (not stored).
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
    erased_at: int | None = None  # when an asked-for erasure begins

    @property
    def public(self) -> UserSummary:
        return UserSummary(self.id, self.username, self.display_name, self.avatar_url, self.bio)

    @property
    def terms(self) -> frozenset[str]:
        """The folded texts whose beginnings find this person; none finds a canary."""
        if _CANARY.fullmatch(self.username):
            return frozenset()
        return terms(self.username, self.display_name)

    def changed(self, changes: Mapping[str, Any]) -> Profile:
        """With these fields instead; settings are merged."""
        settings = replace(self.settings, **changes.get("settings", {}))
        return replace(self, **{**changes, "settings": settings})


@dataclass(frozen=True, slots=True)
class ContactLink:
    """One side of a contact: the state as its owner sees it, and when it was asked for."""

    user_id: str
    state: ContactState
    created_at: int


@dataclass(frozen=True, slots=True)
class Relationship:
    """How a person stands to another: whether that one exists, who blocks whom, and the contact."""

    known: bool
    blocks: bool
    blocked: bool
    link: ContactLink | None


Notice = Literal[
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


def hears(what: Notice, of: str | None, *, apart: Collection[str]) -> bool:
    """Whether a person hears of what somebody does, who is not by themselves or is `of`, when a block (either way)
    parts them from the people in `apart`.

    The messages of a group stay readable to all of it; nothing else of the one calls for the other's attention.
    """
    return what == "message" or of is None or of not in apart


def refuse(*, blocks: bool) -> NoReturn:
    """Refuse what a block forbids: raises Forbidden `blocked` to who blocks the other, NotFound to whom the other
    blocks, who is not to learn of it."""
    if blocks:
        raise Forbidden("You have blocked this person.", code="blocked")
    raise NotFound


def fold(text: str) -> str:
    """Letters without case and accents, spaces single: what search compares (at most 64 characters)."""
    return " ".join(folded(text).split())[:TERM_MAX_CHARS].rstrip()


def require_username(username: str) -> str:
    """A username by which a person may be known; raises ValueError for those that mean everybody or the platform."""
    if username.strip("._") in RESERVED_USERNAMES:
        raise ValueError("this username is reserved")
    if not any(char.isalnum() for char in username):
        raise ValueError("must have a letter or a digit")
    return username


def handle(username: str) -> str:
    """The term that leads to the one person of this username, as a mention names them."""
    return f"@{fold(username)}"


def terms(username: str, display_name: str) -> frozenset[str]:
    """The username, the same behind an @, the display name and each of its first ten words and their parts, folded."""
    whole = fold(display_name)
    parts = (part for word in whole.split()[:TERM_WORDS_MAX] for part in parts_of_word(word))
    return frozenset(term for term in (fold(username), handle(username), whole, *islice(parts, TERM_PARTS_MAX)) if term)


def leads_to(profile: Profile, prefix: str, term: str) -> bool:
    """Whether `term` is the first of a profile's terms with this prefix: so each person is found once."""
    matching = [each for each in profile.terms if each.startswith(prefix)]
    return bool(matching) and min(matching) == term
