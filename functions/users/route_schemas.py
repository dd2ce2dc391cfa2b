"""People: what only their routes take and answer with; other domains load `users.schemas` alone."""

from typing import Annotated

from pydantic import Field

from kernel.schema import Id, Input, Instant, Note, Output, Paging, SearchText, absent
from users.model import Audience, ContactState
from users.schemas import DisplayName, Locale, PublicProfile


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
