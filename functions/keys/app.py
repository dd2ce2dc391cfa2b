"""Routes of devices, their keys and the key log (contract §3)."""

from __future__ import annotations

import json
from base64 import b64decode
from typing import Any

from accounts.api import authenticate
from kernel.caller import Caller
from kernel.errors import NotFound, ValidationFailed
from kernel.http import Answer, App
from kernel.limiter import Limit
from keys import backups, delivery, framing, service, transparency, welcomes
from keys.schemas import (
    Backup,
    BackupKept,
    BackupOut,
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
    NewCommit,
    NewPackages,
    NewProposal,
    PackageQuery,
    PackagesLeft,
    PackageState,
    ProofQuery,
    WelcomeList,
    WelcomeQuery,
    is_device_id,
)

app = App("keys", authenticate=authenticate)
REGISTER = Limit("register_device", requests=300, window_s=3600)
LEAVE = Limit("leave_packages", requests=120, window_s=3600)
BACK_UP = Limit("back_up_keys", requests=60, window_s=3600)
COMMIT = Limit("mls_commit", requests=240, window_s=60)
GROUP_BODY_BYTES = 5_900_000  # Lambda takes 6 MB with what API Gateway says of the request ("Lambda quotas")
BACKUP_BODY_BYTES = 1536 * 1024  # 1 MB of ciphertext in base 64, and what stands beside it
PACKAGES_BODY_BYTES = 1536 * 1024


@app.put(
    "/keys/devices/{device_id}",
    body=DeviceFields,
    returns=DeviceOut,
    errors=["too_many_devices"],
    limits=[REGISTER],
)
def put_device(caller: Caller, device_id: str, body: DeviceFields) -> Any:
    """Register the device that calls; a new or changed key stands in the key log and is told."""
    if not is_device_id(device_id):
        raise ValidationFailed.of("device_id", "1 to 40 letters, digits and . _ ~ -")
    return service.register(
        caller=caller,
        device_id=device_id,
        name=body.name,
        signature_key=body.signature_key,
        credential=body.credential,
    )


@app.delete("/keys/devices/{device_id}", status=204, limits=[REGISTER])
def delete_device(caller: Caller, device_id: str) -> None:
    """Take a device out: its packages are given out no more, and its groups wait for a commit that rekeys."""
    if not is_device_id(device_id):
        raise NotFound
    service.remove(caller=caller, device_id=device_id)


@app.get("/keys/devices", query=DeviceQuery, returns=DeviceList)
def list_devices(caller: Caller, query: DeviceQuery) -> Any:
    """The devices of these people; none of those whom a block keeps apart from the caller."""
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
    """Leave key packages for others to claim; each is checked, and none is kept where one is not good."""
    available = service.leave_packages(
        caller=caller, device_id=body.device_id, given=body.packages, last_resort=body.last_resort
    )
    return {"available": available}


@app.get("/keys/packages", query=PackageQuery, returns=PackageState)
def get_packages(caller: Caller, query: PackageQuery) -> Any:
    """How many packages of one of the caller's devices wait."""
    available, has_last_resort = service.available(caller=caller, device_id=query.device_id)
    return {"available": available, "has_last_resort": has_last_resort}


@app.post("/keys/claims", body=Claim, returns=ClaimedPackages)
def claim_packages(caller: Caller, body: Claim) -> Any:
    """A key package of each device of these people; a one-time package is handed out at most once."""
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
    """What happened to somebody's device keys, the oldest first."""
    user_id = query.user_id or caller.user_id
    service.require_within_reach(caller.user_id, user_id)
    page = transparency.entries(
        viewer_id=caller.user_id, user_id=user_id, after=query.after, limit=query.limit, page=query.cursor
    )
    return {"items": [entry.as_shown() for entry in page.items], "next_cursor": page.next_cursor}


@app.get("/keys/log/proof", query=ProofQuery, returns=KeyLogProof)
def prove_key_log(caller: Caller, query: ProofQuery) -> Any:
    """Prove that somebody's latest entry is in the log, and that the log has only grown since it had `from` entries."""
    user_id = query.user_id or caller.user_id
    service.require_within_reach(caller.user_id, user_id)
    proof = transparency.prove(user_id=user_id, since=query.since)
    return {
        "entry": proof.entry.as_shown(),
        "index": proof.index,
        "size": proof.size,
        "inclusion": proof.inclusion,
        "consistency": proof.consistency,
        "head": proof.head,
    }


@app.get("/keys/welcomes", query=WelcomeQuery, returns=WelcomeList)
def list_welcomes(caller: Caller, query: WelcomeQuery) -> Any:
    """The Welcomes that wait for one of the caller's devices, the oldest first."""
    page = welcomes.waiting(caller=caller, device_id=query.device_id, limit=query.limit, page=query.cursor)
    items = [
        {"id": each.id, "conversation_id": each.conversation_id, "epoch": each.epoch, "welcome": each.content}
        for each in page.items
    ]
    return {"items": items, "next_cursor": page.next_cursor}


@app.delete("/keys/welcomes/{welcome_id}", status=204)
def delete_welcome(caller: Caller, welcome_id: str) -> None:
    """Delete a Welcome that its device has read."""
    welcomes.forget(caller=caller, welcome_id=welcome_id)


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
    """Take the conversation's group to its next epoch; of several commits in one epoch, the first is taken."""
    new = delivery.CommitRequest(
        client_id=body.client_id,
        epoch=body.epoch,
        commit=body.commit,
        group_info=body.group_info,
        welcomes=[welcomes.Addressed(tuple(each.device_ids), each.welcome) for each in body.welcomes],
    )
    epoch, seq, is_new = delivery.commit(caller=caller, conversation_id=conversation_id, new=new)
    return Answer({"epoch": epoch, "seq": seq}, status=201 if is_new else 200)


@app.get("/conversations/{conversation_id}/mls/commits/{epoch}", returns=CommitOut)
def get_commit(caller: Caller, conversation_id: str, epoch: str) -> Any:
    """The commit that was made in an epoch."""
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
    """Put a proposal into the log, for a later commit of this epoch to take up."""
    epoch, seq, is_new = delivery.propose(
        caller=caller, conversation_id=conversation_id, client_id=body.client_id, proposal=body.proposal
    )
    return Answer({"epoch": epoch, "seq": seq}, status=201 if is_new else 200)


@app.get("/conversations/{conversation_id}/mls/group-info", returns=GroupInfo, errors=["not_encrypted", "blocked"])
def get_group_info(caller: Caller, conversation_id: str) -> Any:
    """What the last commit left for joining by an external commit."""
    epoch, group_info = delivery.group_info(caller=caller, conversation_id=conversation_id)
    return {"epoch": epoch, "group_info": group_info}


@app.put("/keys/backup", body=Backup, returns=BackupKept, limits=[BACK_UP], max_body_bytes=BACKUP_BODY_BYTES)
def put_backup(caller: Caller, body: Backup) -> Any:
    """Keep a backup of one's keys in place of an earlier one; the client has encrypted it."""
    size = len(b64decode(body.ciphertext))
    kept = backups.put(caller=caller, ciphertext_bytes=size, document=body.model_dump_json())
    return {"size": kept.size, "updated_at": kept.at}


@app.get("/keys/backup", returns=BackupOut)
def get_backup(caller: Caller) -> Any:
    """The backup as it was put."""
    return json.loads(backups.get(caller=caller))


@app.delete("/keys/backup", status=204)
def delete_backup(caller: Caller) -> None:
    """Delete the backup; none there is fine."""
    backups.remove(caller=caller)
