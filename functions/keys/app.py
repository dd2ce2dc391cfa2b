"""Routes of devices, their keys and the key log (contract §3)."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from accounts.api import authenticate
from kernel.answers import Answer
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.http import App
from kernel.limiter import Limit
from kernel.schema import is_given_id, require_given_id
from keys import backups, delivery, framing, service, transparency, welcomes
from keys.schemas import (
    Backup,
    BackupKept,
    BackupOut,
    Changed,
    Claim,
    ClaimedPackages,
    CommitOut,
    Committed,
    DeviceFields,
    DeviceList,
    DeviceOut,
    DeviceQuery,
    GroupInfo,
    KeyLogEntries,
    KeyLogProof,
    LogQuery,
    NewChange,
    NewCommit,
    NewPackages,
    NewProposal,
    PackageQuery,
    PackagesLeft,
    PackageState,
    ProofQuery,
    WelcomeList,
    WelcomeQuery,
)

app = App("keys", authenticate=authenticate)
REGISTER = Limit("register_device", requests=300, window_s=3600)
LEAVE = Limit("leave_packages", requests=120, window_s=3600)
BACK_UP = Limit("back_up_keys", requests=60, window_s=3600)
COMMIT = Limit("mls_commit", requests=240, window_s=60)
GROUP_BODY_BYTES = 5_900_000  # Lambda accepts 6 MB including API Gateway's envelope ("Lambda quotas")
BACKUP_BODY_BYTES = 1536 * 1024  # 1 MB of ciphertext in base 64, and the other fields
PACKAGES_BODY_BYTES = 1536 * 1024


@app.put(
    "/keys/devices/{device_id}",
    body=DeviceFields,
    returns=DeviceOut,
    errors=["too_many_devices"],
    limits=[REGISTER],
)
def put_device(caller: Caller, device_id: str, body: DeviceFields) -> Any:
    """Register the calling device; a new or changed key is added to the key log and published."""
    return service.register(
        caller=caller,
        device_id=require_given_id("device_id", device_id),
        name=body.name,
        signature_key=body.signature_key,
        credential=body.credential,
    )


@app.delete("/keys/devices/{device_id}", status=204, limits=[REGISTER])
def delete_device(caller: Caller, device_id: str) -> None:
    """Remove a device: its packages cannot be claimed any more, and its groups need a rekeying commit."""
    if not is_given_id(device_id):
        raise NotFound
    service.remove(caller=caller, device_id=device_id)


@app.get("/keys/devices", query=DeviceQuery, returns=DeviceList)
def list_devices(caller: Caller, query: DeviceQuery) -> Any:
    """The devices of these people, except people separated from the caller by a block."""
    return {"items": service.devices(caller=caller, user_ids=query.user_ids)}


@app.post(
    "/keys/packages",
    body=NewPackages,
    returns=PackagesLeft,
    status=201,
    errors=["invalid_key_package", "too_many_packages"],
    limits=[LEAVE],
    max_body_bytes=PACKAGES_BODY_BYTES,
)
def leave_packages(caller: Caller, body: NewPackages) -> Any:
    """Upload key packages for others to claim; if one is invalid, none is saved."""
    available = service.leave_packages(
        caller=caller, device_id=body.device_id, given=body.packages, last_resort=body.last_resort
    )
    return {"available": available}


@app.get("/keys/packages", query=PackageQuery, returns=PackageState)
def get_packages(caller: Caller, query: PackageQuery) -> Any:
    """The number of available packages of one of the caller's devices."""
    available, has_last_resort = service.available(caller=caller, device_id=query.device_id)
    return {"available": available, "has_last_resort": has_last_resort}


@app.post("/keys/claims", body=Claim, returns=ClaimedPackages)
def claim_packages(caller: Caller, body: Claim) -> Any:
    """Claim a key package of each device of these people; a one-time package is returned at most once."""
    if body.suite not in (None, framing.SUITE):
        raise ValidationFailed.of("suite", f"only cipher suite {framing.SUITE} is spoken here")
    claimed, missing = service.claim(caller=caller, user_ids=body.user_ids)
    packages = [
        {"user_id": each.user_id, "device_id": each.device_id, "package": each.package, "last_resort": each.last_resort}
        for each in claimed
    ]
    return {"packages": packages, "missing": missing}


@app.get("/keys/log", query=LogQuery, returns=KeyLogEntries)
def list_key_log(caller: Caller, query: LogQuery) -> Any:
    """A person's entries in the key log, oldest first."""
    user_id = query.user_id or caller.user_id
    service.require_visible(caller.user_id, user_id)
    page = transparency.entries(
        viewer_id=caller.user_id, user_id=user_id, after=query.after, limit=query.limit, page=query.cursor
    )
    return {"items": [entry.view() for entry in page.items], "next_cursor": page.next_cursor}


@app.get("/keys/log/proof", query=ProofQuery, returns=KeyLogProof)
def prove_key_log(caller: Caller, query: ProofQuery) -> Any:
    """Prove that a person's latest entry is in the log, and that the log is append-only since it had `from` entries."""
    user_id = query.user_id or caller.user_id
    service.require_visible(caller.user_id, user_id)
    proof = transparency.prove(user_id=user_id, since=query.since)
    return {
        "entry": proof.entry.view(),
        "index": proof.index,
        "size": proof.size,
        "inclusion": proof.inclusion,
        "consistency": proof.consistency,
        "head": proof.head,
    }


@app.get("/keys/welcomes", query=WelcomeQuery, returns=WelcomeList)
def list_welcomes(caller: Caller, query: WelcomeQuery) -> Any:
    """The pending Welcomes of one of the caller's devices, oldest first."""
    page = welcomes.pending(caller=caller, device_id=query.device_id, limit=query.limit, page=query.cursor)
    items = [
        {"id": each.id, "conversation_id": each.conversation_id, "epoch": each.epoch, "welcome": each.content}
        for each in page.items
    ]
    return {"items": items, "next_cursor": page.next_cursor}


@app.delete("/keys/welcomes/{welcome_id}", status=204)
def delete_welcome(caller: Caller, welcome_id: str) -> None:
    """Delete a Welcome that its device has read."""
    welcomes.delete(caller=caller, welcome_id=welcome_id)


@app.post(
    "/conversations/{conversation_id}/mls/commits",
    body=NewCommit,
    returns=Committed,
    status=201,
    other_statuses=[200],
    errors=["epoch_conflict", "invalid_commit", "not_encrypted", "blocked"],
    limits=[COMMIT],
    max_body_bytes=GROUP_BODY_BYTES,
)
def commit(caller: Caller, conversation_id: str, body: NewCommit) -> Answer:
    """Commit: move the conversation's group to its next epoch; only the first commit of an epoch is accepted."""
    new = delivery.CommitRequest(
        client_id=body.client_id,
        epoch=body.epoch,
        commit=body.commit,
        group_info=body.group_info,
        welcomes=[welcomes.WelcomeRequest(tuple(each.device_ids), each.welcome) for each in body.welcomes],
    )
    epoch, seq, is_new = delivery.commit(caller=caller, conversation_id=conversation_id, new=new)
    return Answer({"epoch": epoch, "seq": seq}, status=201 if is_new else 200)


@app.get("/conversations/{conversation_id}/mls/commits/{epoch}", returns=CommitOut)
def get_commit(caller: Caller, conversation_id: str, epoch: str) -> Any:
    """The commit of an epoch."""
    if not epoch.isascii() or not epoch.isdecimal() or len(epoch) > 15:
        raise NotFound
    return delivery.commit_of(caller=caller, conversation_id=conversation_id, epoch=int(epoch))


@app.post(
    "/conversations/{conversation_id}/mls/proposals",
    body=NewProposal,
    returns=Committed,
    status=201,
    other_statuses=[200],
    errors=["epoch_conflict", "invalid_proposal", "not_encrypted", "blocked"],
    limits=[COMMIT],
)
def propose(caller: Caller, conversation_id: str, body: NewProposal) -> Answer:
    """Append a proposal to the log, for a later commit of this epoch."""
    epoch, seq, is_new = delivery.propose(
        caller=caller, conversation_id=conversation_id, client_id=body.client_id, proposal=body.proposal
    )
    return Answer({"epoch": epoch, "seq": seq}, status=201 if is_new else 200)


@app.post(
    "/conversations/{conversation_id}/mls/changes",
    body=NewChange,
    returns=Changed,
    status=201,
    other_statuses=[200],
    errors=["epoch_old", "rekey_required", "invalid_ciphertext", "not_encrypted", "blocked"],
    limits=[COMMIT],
)
def change(caller: Caller, conversation_id: str, body: NewChange) -> Answer:
    """Append an encrypted change of earlier messages (an edit, a reaction, a vote): no message, unread or notified."""
    seq, is_new = delivery.change(
        caller=caller, conversation_id=conversation_id, client_id=body.client_id, ciphertext=body.ciphertext
    )
    return Answer({"seq": seq}, status=201 if is_new else 200)


@app.get("/conversations/{conversation_id}/mls/group-info", returns=GroupInfo, errors=["not_encrypted", "blocked"])
def get_group_info(caller: Caller, conversation_id: str) -> Any:
    """The GroupInfo of the last commit, for joining by an external commit."""
    epoch, group_info = delivery.group_info(caller=caller, conversation_id=conversation_id)
    return {"epoch": epoch, "group_info": group_info}


@app.put("/keys/backup", body=Backup, returns=BackupKept, limits=[BACK_UP], max_body_bytes=BACKUP_BODY_BYTES)
def put_backup(caller: Caller, body: Backup) -> Any:
    """Save a backup of the caller's keys, encrypted by the client, in place of an earlier one."""
    size = len(b64decode(body.ciphertext))
    kept = backups.put(caller=caller, ciphertext_bytes=size, document=body.model_dump_json())
    return {"size": kept.size, "updated_at": kept.at}


@app.get("/keys/backup", returns=BackupOut)
def get_backup(caller: Caller) -> Any:
    """The caller's backup."""
    return json.loads(backups.get(caller=caller))


@app.delete("/keys/backup", status=204)
def delete_backup(caller: Caller) -> None:
    """Delete the caller's backup, if there is one."""
    backups.remove(caller=caller)
