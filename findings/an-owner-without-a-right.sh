#!/usr/bin/env bash
# matrix-nio 0.26.0 (July 2026): in a Matrix room of today's version an owner may do nothing, says the library.
#
# A good guess: who has made a room has level 100 in its `m.room.power_levels`, so a bot that takes orders from those
# who may kick asks `room.power_levels.can_user_kick(sender)`. Room versions change what servers do with each other.
# What happens: since room version 12, the default of the specification, creators have every right by the create event
# (its sender, and `additional_creators`) and must not stand among the levels at all. nio looks there alone: the owner
# has level 0 and may not kick or ban, and whoever has 50 may kick and ban the owner, which each server refuses. A room
# that was upgraded loses its create event as well: its predecessor has no `event_id` any more, without which nio reads
# a BadEvent, so the room keeps version "1" and forgets where it came from. mautrix 0.21.1 gives the owner the right,
# if `get_user_level` gets the create event as well, and level 0 if it does not.
# For users: a bot or a bridge that no longer obeys the owner since the day when the room was upgraded, and an import
# that copies levels and makes owners members. Take the creators from `m.room.create` first, then the levels.
# Source: https://spec.matrix.org/v1.16/rooms/v12/ (creators, predecessor);
# https://github.com/matrix-nio/matrix-nio/pull/546 (open); https://github.com/matrix-org/matrix-hookshot/issues/1369
# (2026: the same in another program).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check matrix-nio==0.26.0 mautrix==0.21.1
cd "$here"
venv/bin/python - <<'PYTHON'
import logging
from importlib.metadata import version

from mautrix.types import StateEvent
from nio import BadEvent, Event, MatrixRoom

logging.disable()
ANN, BEN = "@ann:example.org", "@ben:example.org"  # the owner, and a moderator
ROOM = "!" + "A" * 43  # since version 12 a hash, without a server


def state(kind, content):
    event = {"type": kind, "state_key": "", "sender": ANN, "content": content, "event_id": "$" + "B" * 43}
    return event | {"origin_server_ts": 1_790_000_000_000, "room_id": ROOM}


def as_nio_has_it(create, levels):
    room = MatrixRoom(ROOM, BEN)
    read = [Event.parse_event(each) for each in (create, levels)]
    for event in read:
        if not isinstance(event, BadEvent):
            room.handle_event(event)
    power = room.power_levels
    return {
        "create event": type(read[0]).__name__,
        "version": room.room_version,
        "owner's level": power.get_user_level(ANN),
        "owner may kick, ban": (power.can_user_kick(ANN), power.can_user_ban(ANN)),
        "moderator may kick, ban the owner": (power.can_user_kick(BEN, ANN), power.can_user_ban(BEN, ANN)),
    }


levels = {"users_default": 0, "state_default": 50, "events_default": 0, "kick": 50, "ban": 50, "redact": 50, "invite": 0}
levels |= {"events": {"m.room.tombstone": 150}, "notifications": {"room": 50}}
today = state("m.room.power_levels", levels | {"users": {BEN: 50}})
earlier = state("m.room.power_levels", levels | {"users": {ANN: 100, BEN: 50}})
made = state("m.room.create", {"room_version": "12"})
upgraded = state("m.room.create", {"room_version": "12", "predecessor": {"room_id": "!earlier:example.org"}})
found = {
    "version 11": as_nio_has_it(state("m.room.create", {"room_version": "11"}), earlier),
    "version 12": as_nio_has_it(made, today),
    "upgraded to 12": as_nio_has_it(upgraded, today),
}
print("matrix-nio", version("matrix-nio"), "mautrix", version("mautrix"))
for which, each in found.items():
    print(which, each)
power = StateEvent.deserialize(today).content
mautrix = power.get_user_level(ANN, StateEvent.deserialize(made)), power.get_user_level(ANN)
print("mautrix, the owner's level with and without the create event:", mautrix)
right = {"create event": "RoomCreateEvent", "version": "11", "owner's level": 100}
right |= {"owner may kick, ban": (True, True), "moderator may kick, ban the owner": (False, False)}
wrong = {"create event": "RoomCreateEvent", "version": "12", "owner's level": 0}
wrong |= {"owner may kick, ban": (False, False), "moderator may kick, ban the owner": (True, True)}
assert found["version 11"] == right
assert found["version 12"] == wrong, "nio knows creators now: this finding is out of date"
assert found["upgraded to 12"] == wrong | {"create event": "BadEvent", "version": "1"}
assert mautrix[0] > 1_000_000 and mautrix[1] == 0
PYTHON
