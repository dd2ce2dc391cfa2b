"""Request and response bodies of passkeys. Options and credentials are the JSON forms of WebAuthn level 3."""

from typing import Annotated, Any

from pydantic import Field

from kernel.schema import Id, Input, Instant, JsonObject, Name, Output, Secret

CeremonyId = Id


class StepUp(Input):
    """`password` is required when the session's last step-up is older than 10 minutes."""

    password: Annotated[Secret | None, Field(min_length=1, max_length=1024, repr=False)] = None


class NewPasskey(Input):
    registration_id: CeremonyId
    credential: JsonObject
    name: Annotated[Name, Field(min_length=1, max_length=100)]


class PasskeySignIn(Input):
    challenge_id: CeremonyId
    credential: JsonObject
    device_name: Annotated[Name, Field(min_length=1, max_length=100)] | None = None


class PasskeyRegistration(Output):
    """`options` is for `navigator.credentials.create`; valid once, for 5 minutes."""

    registration_id: str
    options: dict[str, Any]


class PasskeyChallenge(Output):
    """`options` is for `navigator.credentials.get`; valid once, for 5 minutes."""

    challenge_id: str
    options: dict[str, Any]


class Passkey(Output):
    """`synced`: the authenticator backs the passkey up."""

    id: str
    name: str
    created_at: Instant
    last_used_at: Instant | None
    synced: bool


class PasskeyList(Output):
    items: list[Passkey]
    next_cursor: str | None
