"""Request and response bodies of notifications (contract §10)."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from kernel import clock, outbound
from kernel.schema import Id, Input, Instant, Opaque, Output
from notifications.model import ListedKind, Messages, Platform, Provider

ClockTime = Annotated[Opaque, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", examples=["22:00"])]


def _endpoint(url: str) -> str:
    try:
        outbound.parse(url)
    except outbound.UnsafeUrl as error:
        raise ValueError(str(error)) from error
    return url


def _zone(name: str) -> str:
    clock.zone(name)
    return name


class PushSubscriptionKeys(Input):
    p256dh: Annotated[Opaque, Field(min_length=1, max_length=200)]
    auth: Annotated[Opaque, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _are_keys(self) -> Self:
        from notifications.encryption import BrowserKeys

        try:
            BrowserKeys.of(self.p256dh, self.auth)
        except ValueError as error:
            raise ValueError("must be a P-256 point of 65 bytes and a secret of 16, in base 64") from error
        return self


class PushSubscription(Input):
    """A browser's `PushSubscription.toJSON()`; the endpoint must be https and lead to a public address."""

    endpoint: Annotated[Opaque, Field(min_length=1, max_length=outbound.MAX_URL_CHARS), AfterValidator(_endpoint)]
    keys: PushSubscriptionKeys
    expirationTime: Annotated[float, Field(ge=0, lt=2**53)] | None = None


class PushDeviceFields(Input):
    """A Firebase `token` for `fcm`, a `subscription` for `webpush`. `voip`: calls come as Apple's call pushes."""

    platform: Platform
    provider: Provider
    token: Annotated[Opaque, Field(min_length=1, max_length=4_096)] | None = None
    subscription: PushSubscription | None = None
    app_version: Annotated[Opaque, Field(min_length=1, max_length=64)] | None = None
    locale: Annotated[Opaque, Field(min_length=1, max_length=35, pattern=r"^[A-Za-z0-9_-]+$")] | None = None
    voip: bool = False

    @model_validator(mode="after")
    def _has_what_its_provider_needs(self) -> Self:
        if (self.token is not None) != (self.provider == "fcm"):
            raise ValueError("fcm needs a token and webpush none")
        if (self.subscription is not None) != (self.provider == "webpush"):
            raise ValueError("webpush needs a subscription and fcm none")
        return self


class PushDevice(Output):
    """A push device as its owner sees it, without its token or endpoint."""

    device_id: str
    platform: Platform
    provider: Provider
    app_version: str | None
    locale: str | None
    voip: bool
    current: bool
    created_at: Instant
    updated_at: Instant


class PushDeviceList(Output):
    items: list[PushDevice]
    next_cursor: str | None


class WebPushKey(Output):
    """The VAPID public key (RFC 8292), for `pushManager.subscribe`."""

    application_server_key: str


class QuietHoursFields(Input):
    """Wall-clock times in a time zone; over midnight if `to` is before `from`, the whole day if they are equal."""

    from_: Annotated[ClockTime, Field(alias="from")]
    to: ClockTime
    timezone: Annotated[Opaque, Field(min_length=1, max_length=64), AfterValidator(_zone)]


class NotificationPreferencesFields(Input):
    """Missing fields are not changed."""

    messages: Messages = "all"
    mentions: bool = True
    calls: bool = True
    polls: bool = True
    files: bool = True
    quiet_hours: QuietHoursFields | None = None
    show_preview: bool = False


class QuietHoursView(Output):
    from_: str = Field(serialization_alias="from")
    to: str
    timezone: str

    model_config = {"serialize_by_alias": True}


class NotificationPreferences(Output):
    """`mentions` overrides muting and `messages: "none"`; only calls of contacts override quiet hours."""

    messages: Messages
    mentions: bool
    calls: bool
    polls: bool
    files: bool
    quiet_hours: QuietHoursView | None
    show_preview: bool


class Notification(Output):
    """`text` says who did what, without content. `reference` holds further ids, by kind.

    A mention or reply is also `read` once its message was read in the conversation, on any device, or is gone: deleted,
    or in a conversation that the person has left. The event tells of a new one, or of one that was read, and all older
    ones with it, on any device of the person: `read` is true then.
    """

    id: str
    kind: ListedKind
    conversation_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    message_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    actor_id: str | None = Field(default=None, exclude_if=lambda value: value is None)
    reference: dict[str, Any] = Field(default={}, exclude_if=lambda value: not value)
    text: str
    at: Instant
    read: bool


class NotificationList(Output):
    items: list[Notification]
    next_cursor: str | None
    unread_count: int


class ReadUpTo(Input):
    """`up_to` is the newest notification that was seen; it and all older ones become read."""

    up_to: Annotated[Id, Field(pattern=r"^ntf_[0-9a-z]{26}$")]


class UnreadCount(Output):
    unread_count: int
