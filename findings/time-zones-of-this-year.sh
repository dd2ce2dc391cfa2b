#!/usr/bin/env bash
# tzdata 2026.6 (PyPI) and Node 24.16.0 (npm): from this winter on, one hour apart in Edmonton and Casablanca.
#
# A good guess: a server and a client that both name the IANA zone agree on its wall time, and whoever keeps Python's
# tzdata package and a supported Node up to date is done.
# What happens: Node has no package of zones; they are inside of ICU, inside of the binary, as old as that build. Node
# 24.16.0 is of this year and says 2026b: it knows that British Columbia turns its clocks no more, and does not know it
# of Alberta and Morocco, which tzdata 2026.6 does. A message for nine in the evening of 1 December 2026 in Edmonton is
# 03:00 UTC to one side and 04:00 to the other. Node 24.21.0 agrees: the patch level decides.
# For users: one side alone turns wall times of a zone into instants, and only instants go over the wire; a health
# check can compare process.versions.tz with tzdata.IANA_VERSION.
# Source: https://data.iana.org/time-zones/tzdb/NEWS (2026b, 2026c); https://nodejs.org/api/process.html
# (process.versions); https://docs.python.org/3/library/zoneinfo.html ("Data sources").
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check tzdata==2026.6
npm install --silent --no-fund --no-audit --prefix "$here" node@24.16.0 >/dev/null 2>&1
python=$("$here/venv/bin/python" - <<'EOF'
import zoneinfo
from datetime import UTC, datetime

import tzdata

zoneinfo.reset_tzpath(to=[])  # the pinned package, whatever zone files the system has
when = datetime(2026, 12, 1, 20, tzinfo=UTC)
zones = ("America/Vancouver", "America/Edmonton", "Africa/Casablanca", "Europe/Berlin")
print(tzdata.IANA_VERSION, *(f"{when.astimezone(zoneinfo.ZoneInfo(zone)):%H:%M}" for zone in zones))
EOF
)
node=$("$here/node_modules/.bin/node" - <<'EOF'
const when = new Date("2026-12-01T20:00:00Z");
const zones = ["America/Vancouver", "America/Edmonton", "Africa/Casablanca", "Europe/Berlin"];
const wall = (timeZone) => when.toLocaleTimeString("en-GB", { timeZone, hour: "2-digit", minute: "2-digit" });
console.log(process.versions.tz, ...zones.map(wall));
EOF
)
echo "zones of: Vancouver Edmonton Casablanca Berlin, at 20:00 UTC on 1 December 2026"
echo "tzdata $python"
echo "node   $node"
[ "$python" = "2026f 13:00 14:00 20:00 21:00" ]
[ "$node" = "2026b 13:00 13:00 21:00 21:00" ]
