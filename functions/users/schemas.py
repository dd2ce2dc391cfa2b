"""People: requests and answers."""

from typing import Annotated

from pydantic import Field

from kernel.schema import Id, Input, Instant, Name, Note, Opaque, Output, Paging, SearchText, absent
from users.model import Audience, ContactState, Role

DisplayName = Annotated[Name, Field(min_length=1, max_length=100)]
Locale = Annotated[Opaque, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]


class PublicProfile(Output):
    """A person as everybody sees them. `avatar_url` needs no token; it is good for up to an hour."""

    id: str
    username: str
    display_name: str
    avatar_url: str | None
    bio: str | None


class UserSettingsOut(Output):
    read_receipts: bool
    last_seen: Audience
    ai_enabled: bool


class FullProfile(PublicProfile):
    """A person as they see themselves. `erased_at` is when an erasure that they asked for begins; null for none."""

    email: str
    email_verified: bool
    locale: str
    settings: UserSettingsOut
    role: Role
    created_at: Instant
    erased_at: Instant | None = None


class SettingsChanges(Input):
    read_receipts: bool = Field(default_factory=absent)
    last_seen: Audience = Field(default_factory=absent)
    ai_enabled: bool = Field(default_factory=absent)


class ProfileChanges(Input):
    """`bio` and `avatar_file_id` may be null; settings that are not named stay.

    `avatar_file_id` is a picture in one's own drive, ready and with a thumbnail. It is copied: what becomes of the
    file later does not change the avatar.
    """

    display_name: DisplayName = Field(default_factory=absent)
    bio: Annotated[Note, Field(max_length=500)] | None = None
    avatar_file_id: Id | None = None
    locale: Locale = Field(default_factory=absent)
    settings: SettingsChanges = Field(default_factory=absent)


class PeopleSearch(Paging):
    """The beginning of a username, of a display name or of a word in it."""

    q: Annotated[SearchText, Field(min_length=1, max_length=50)]


class ContactsQuery(Paging):
    state: ContactState | None = None


class UserList(Output):
    items: list[PublicProfile]
    next_cursor: str | None


class Contact(Output):
    user: PublicProfile
    state: ContactState
    created_at: Instant


class ContactList(Output):
    items: list[Contact]
    next_cursor: str | None
