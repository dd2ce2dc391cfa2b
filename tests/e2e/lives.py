"""A person who uses every part of the platform, with a canary in each text of theirs, for exports and erasures."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Any

import pyotp
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kernel import clock
from tests.e2e import drive
from tests.e2e.api.test_avatars import picture
from tests.e2e.people import PASSWORD, Person, Town
from tests.e2e.rights.keys_rights import BACKUP, DEVICE, device_body
from tests.e2e.tools import at_once
from tests.support import transcribing
from tests.support.authenticator import Authenticator

THUMB = "👍"


@dataclass
class Life:
    """Ann's life: `group` is Bob's, with messages of both; `file_ids` are all files of hers."""

    ann: Person
    bob: Person
    canary: str
    group: str
    file_ids: list[str]


def lived(town: Town) -> Life:
    """Ann, who has filled whatever she can, and Bob, with whom she has to do."""
    ann, bob, cyd = town.people("ann", "bob", "cyd")
    life = Life(ann, bob, f"canary{secrets.token_hex(8)}", bob.group_with(ann), [])
    _keeps_files(life)
    _meets(life, cyd)
    _writes(life)
    _leaves(life)
    _owns_groups(life)
    _votes(life)
    _plans(life)
    _calls(life)
    _secures(life)
    return life


def _keeps_files(life: Life) -> None:
    """A picture that is avatar and attachment, a text in a shared folder with a link, a recording in the trash."""
    ann, canary = life.ann, life.canary
    folder = ann.ok("POST", "/drive/folders", {"name": canary})["id"]
    ann.ok("POST", f"/drive/folders/{folder}/shares", {"user_id": life.bob.id, "role": "viewer"})
    image, text, sound = at_once(
        [
            partial(drive.upload, ann, picture("teal"), name=f"{canary}.png", content_type="image/png"),
            partial(drive.upload, ann, canary.encode(), name=f"{canary}.txt", folder_id=folder),
            partial(drive.upload, ann, transcribing.SOUND, name=f"{canary}.ogg", content_type="audio/ogg"),
        ]
    )
    life.file_ids += [image["id"], text["id"], sound["id"]]
    ann.ok("POST", f"/drive/files/{text['id']}/links", {"password": "open sesame"})
    ann.ok("PUT", f"/drive/files/{text['id']}/favourite")
    ann.ok("DELETE", f"/drive/files/{sound['id']}")
    ann.ok("PATCH", "/users/me", {"bio": canary, "avatar_file_id": image["id"]})
    ann.send(life.group, canary, attachment_ids=[image["id"]])


def _meets(life: Life, other: Person) -> None:
    life.ann.ok("POST", f"/contacts/{life.bob.id}")
    life.bob.ok("POST", f"/contacts/{life.ann.id}/accept")
    life.ann.ok("PUT", f"/users/me/blocks/{other.id}")
    life.ann.ok("PUT", "/presence", {"status": "busy", "text": life.canary})


def _writes(life: Life) -> None:
    """Messages that are edited, reacted to and reported, on both sides."""
    ann, bob, place = life.ann, life.bob, f"/conversations/{life.group}"
    theirs = bob.send(life.group, "What do you think?")
    _edited(life, life.group)
    ann.ok("PUT", f"{place}/messages/{theirs['id']}/reactions/{THUMB}")
    ann.ok("POST", f"{place}/messages/{theirs['id']}/reports", {"reason": life.canary})
    direct = ann.direct_with(bob)  # which outlives her
    ann.send(direct, life.canary)
    ann.ok("PUT", f"/conversations/{direct}/draft", {"text": life.canary})


def _edited(life: Life, group: str) -> None:
    """A message of Ann's with an earlier text and a reaction."""
    message = f"/conversations/{group}/messages/{life.ann.send(group, life.canary)['id']}"
    life.ann.ok("PATCH", message, {"text": f"{life.canary}, better"})
    life.bob.ok("PUT", f"{message}/reactions/{THUMB}")


def _leaves(life: Life) -> None:
    """A group that Ann has left, where a message of hers stays."""
    group = life.bob.group_with(life.ann)
    _edited(life, group)
    life.ann.ok("DELETE", f"/conversations/{group}/members/{life.ann.id}")


def _owns_groups(life: Life) -> None:
    """A group of Ann's alone, one with a second owner, and her request to join another."""
    ann, bob = life.ann, life.bob
    alone, together, wanted = ann.group_with(bob), ann.group_with(bob), bob.group_with()
    ann.ok("POST", f"/conversations/{alone}/invitations", {})
    ann.ok("PATCH", f"/conversations/{together}/members/{bob.id}", {"role": "owner"})
    link = bob.ok("POST", f"/conversations/{wanted}/invitations", {"needs_approval": True})
    ann.ok("POST", f"/invitations/{link['token']}/accept")


def _votes(life: Life) -> None:
    """A poll of each, in which both have voted, and the person's option in the other's."""
    for asker, question in ((life.ann, life.canary), (life.bob, "When?")):
        body = {"client_id": secrets.token_hex(8), "question": question, "options": ["yes", "no"]}
        poll = asker.ok("POST", f"/conversations/{life.group}/polls", {**body, "allow_add_options": True})
        if asker is life.bob:
            life.ann.ok("POST", f"/polls/{poll['id']}/options", {"text": life.canary})
        for voter in (life.ann, life.bob):
            voter.ok("PUT", f"/polls/{poll['id']}/vote", {"option_ids": [poll["options"][0]["id"]]})


def _plans(life: Life) -> None:
    at = clock.rfc3339(clock.now() + clock.HOUR)
    body = {"client_id": secrets.token_hex(8), "text": life.canary, "send_at": at}
    life.ann.ok("POST", f"/conversations/{life.group}/scheduled", body)
    life.ann.ok("PUT", "/ai/settings", {"enabled": True})
    life.ann.ok("POST", "/ai/moderations", {"text": life.canary})


def _calls(life: Life) -> None:
    """A call with a signal, which may hold anything."""
    call = life.ann.call_in(life.group)
    to = life.ann.ok("POST", f"/calls/{call['id']}/join")["participant_id"]
    life.bob.ok("POST", f"/calls/{call['id']}/join")
    payload = {"sdp": f"{life.canary} of {life.ann.id}"}
    life.bob.ok("POST", f"/calls/{call['id']}/signals", {"to": to, "kind": "offer", "payload": payload})
    life.ann.ok("POST", f"/calls/{call['id']}/end")


def _secures(life: Life) -> None:
    """A passkey, a second factor, a device with keys and one for pushes, a backup, a ticket that nobody has used."""
    ann = life.ann
    begun = ann.ok("POST", "/auth/passkeys/registrations", {})
    made: dict[str, Any] = {"credential": Authenticator().create(begun["options"]), "name": life.canary}
    ann.ok("POST", "/auth/passkeys", {"registration_id": begun["registration_id"], **made})
    secret = ann.ok("POST", "/auth/totp", {"password": PASSWORD})["secret"]
    ann.ok("POST", "/auth/totp/confirm", {"code": pyotp.TOTP(secret).now()})
    ann.ok("PUT", f"/keys/devices/{DEVICE}", device_body(ann, DEVICE, Ed25519PrivateKey.generate()))
    ann.ok("PUT", "/keys/backup", BACKUP)
    ann.ok("PUT", "/devices/phone", {"platform": "android", "provider": "fcm", "token": life.canary})
    ann.ticket()
