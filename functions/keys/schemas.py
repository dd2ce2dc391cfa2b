"""Request and response bodies of keys. Binary values are base 64."""

import binascii
from base64 import b64decode, b64encode
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer

from kernel.schema import ClientId, Count, GivenId, Id, Ids, Input, Instant, Name, Opaque, Output, Paging, Query
from keys import model

DeviceId = GivenId
Epoch = Count


def _decode(text: object) -> bytes:
    if not isinstance(text, str):
        raise ValueError("must be base 64")
    try:
        return b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("must be base 64") from error


_BASE64: dict[str, Any] = {"format": "base64", "contentEncoding": "base64"}
Binary = Annotated[
    bytes,
    BeforeValidator(_decode, json_schema_input_type=str),
    Field(min_length=1, json_schema_extra=_BASE64),
]
BinaryOut = Annotated[
    bytes, PlainSerializer(lambda raw: b64encode(raw).decode(), return_type=str), Field(json_schema_extra=_BASE64)
]
SmallBinary = Annotated[Binary, Field(max_length=1024)]
PackageIn = Annotated[Binary, Field(max_length=8 * 1024)]


# --- devices --------------------------------------------------------------------------------------------------


class DeviceFields(Input):
    """`credential` is a serialised basic Credential whose identity is UTF-8 `user_id/device_id`."""

    name: Annotated[Name, Field(min_length=1, max_length=100)]
    signature_key: SmallBinary
    credential: SmallBinary


class DeviceOut(Output):
    user_id: str
    device_id: str
    name: str
    signature_key: BinaryOut
    credential: BinaryOut
    added_at: Instant


class DeviceList(Output):
    items: list[DeviceOut]


class DeviceQuery(Query):
    """`user_ids`: up to 100, separated by commas or repeated."""

    user_ids: Annotated[Ids, Field(min_length=1, max_length=100)]


# --- packages -------------------------------------------------------------------------------------------------


class NewPackages(Input):
    """Key packages as MLSMessages; `last_resort` may be claimed repeatedly."""

    device_id: DeviceId
    packages: Annotated[list[PackageIn], Field(max_length=100)]
    last_resort: PackageIn | None = None


class PackagesLeft(Output):
    available: int


class PackageQuery(Query):
    device_id: DeviceId


class PackageState(Output):
    available: int
    has_last_resort: bool


class Claim(Input):
    user_ids: Annotated[list[Id], Field(min_length=1, max_length=100)]
    suite: Annotated[int, Field(ge=0, le=0xFFFF)] | None = None


class ClaimedPackage(Output):
    user_id: str
    device_id: str
    package: BinaryOut
    last_resort: bool


class ClaimedPackages(Output):
    """`missing` are the devices without any package."""

    packages: list[ClaimedPackage]
    missing: list[str]


class LowPackages(Output):
    """The `data` of `keys.low`."""

    device_id: str
    available: int


# --- the key log ----------------------------------------------------------------------------------------------


class LogQuery(Paging):
    """A person's entries with n > `after`; the caller's own without `user_id`."""

    user_id: Id | None = None
    after: Count = 0


class KeyLogEntry(Output):
    """A change of a device's signature key; the RFC 8785 JSON of this object is the input of the tree's leaf hash."""

    n: int
    user_id: str
    device_id: str
    action: model.Action
    key_hash: str
    at: str = Field(json_schema_extra={"format": "date-time"})


class KeyLogEntries(Output):
    items: list[KeyLogEntry]
    next_cursor: str | None


class ProofQuery(Query):
    """`from`: the size of the log that the caller has verified before."""

    user_id: Id | None = None
    since: Annotated[int, Field(ge=0, lt=2**53, alias="from")] = 0


class KeyLogProof(Output):
    """Proofs (RFC 9162) that `entry`, the person's latest, has `index` in a log of `size`; `head` is a JWS over both
    size and root."""

    entry: KeyLogEntry
    index: int
    size: int
    inclusion: list[str]
    consistency: list[str]
    head: str


# --- groups ---------------------------------------------------------------------------------------------------


class AddressedWelcome(Input):
    device_ids: Annotated[list[DeviceId], Field(min_length=1, max_length=1000)]
    welcome: Binary


class NewCommit(Input):
    """`epoch` is the epoch in which the commit was made, 0 for the first. Messages have at most 4 MB each."""

    client_id: ClientId
    epoch: Epoch
    commit: Binary
    group_info: Binary | None = None
    welcomes: Annotated[list[AddressedWelcome], Field(max_length=1000)] = []


class Committed(Output):
    """The group's present epoch, and the event's seq."""

    epoch: int
    seq: int


class NewProposal(Input):
    client_id: ClientId
    proposal: Binary


class NewChange(Input):
    """`ciphertext` is a PrivateMessage of the group at its present or last epoch."""

    client_id: ClientId
    ciphertext: Binary


class Changed(Output):
    """The event's seq."""

    seq: int


class CommitOut(Output):
    """The commit of `epoch`; `size` is in bytes, `sender_device` null for a session without a device."""

    epoch: int
    sender_device: str | None
    size: int
    seq: int
    commit: BinaryOut


class CommitEvent(Output):
    """The `data` of `mls.commit`; `commit` is null above 16 KB."""

    epoch: int
    sender_device: str | None
    size: int
    commit: str | None = Field(json_schema_extra=_BASE64)


class ProposalEvent(Output):
    """The `data` of `mls.proposal`."""

    epoch: int
    sender_device: str | None
    size: int
    proposal: str = Field(json_schema_extra=_BASE64)


class ChangeEvent(Output):
    """The `data` of `mls.change`; `client_id` is the sender's name for it, `ciphertext` empty once they are erased."""

    client_id: str
    sender_device: str | None
    ciphertext: str = Field(json_schema_extra=_BASE64)


class GroupInfo(Output):
    """`ratchet_tree` is null if the GroupInfo contains it."""

    epoch: int
    group_info: BinaryOut
    ratchet_tree: BinaryOut | None = None


class WelcomeQuery(Paging):
    device_id: DeviceId


class WelcomeOut(Output):
    """`epoch` is the epoch that the device joins."""

    id: str
    conversation_id: str
    epoch: int
    welcome: BinaryOut


class WelcomeList(Output):
    items: list[WelcomeOut]
    next_cursor: str | None


class WelcomeNotice(Output):
    """The `data` of `mls.welcome`: a pending Welcome and its device."""

    id: str
    conversation_id: str
    device_id: str
    epoch: int


# --- the backup -----------------------------------------------------------------------------------------------


def _is_base64(text: str) -> str:
    _decode(text)
    return text


Base64Text = Annotated[str, AfterValidator(_is_base64), Field(min_length=1, json_schema_extra=_BASE64)]


class Backup(Input):
    """A backup encrypted by the client, which alone interprets `version` and `params`."""

    version: Count | Annotated[Opaque, Field(min_length=1, max_length=40)]
    salt: Annotated[Opaque, Field(max_length=1024)]
    params: dict[str, Any]
    ciphertext: Base64Text


class BackupOut(Output):
    version: int | str
    salt: str
    params: dict[str, Any]
    ciphertext: str


class BackupKept(Output):
    size: int
    updated_at: Instant
