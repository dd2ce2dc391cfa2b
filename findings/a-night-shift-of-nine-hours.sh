#!/usr/bin/env bash
# icalendar 7.3.0 (PyPI), ical.js 2.2.1 (npm): `DURATION:PT8H` is nine hours in one night of the year, seven in another.
#
# A good guess: `DTSTART;TZID=Europe/Berlin:20261024T220000` with PT8H ends eight hours later, at five in the morning,
# as clocks go back that night: RFC 5545 calls hours exact, and only days and weeks follow the clock. Both libraries
# know the zone and turn start and end into UTC without a fault.
# What happens: the eight hours are added to what the clock shows: 06:00, nine hours after 22:00. In the night of March
# it is seven. So are alarms: "ten hours before" eight in the morning rings nine hours before in spring. In Python all
# looks well: `event.duration` is 8:00:00, and so is `event.end - event.start`, since times of one zone are subtracted
# by their clocks. recurring-ical-events 3.8.2 has the same ends. node-ical 0.27.2 errs the other way: its eight hours
# are eight, and P1D, a day, which should be 25 hours there, is 24. None of the four is right about both.
# For users: an hour in which two people are on call, or nobody; a do-not-disturb that ends late; two clients that show
# two ends for one meeting. Write DTEND in UTC where hours are meant, or add durations of hours in UTC yourself.
# Source: https://www.rfc-editor.org/rfc/rfc5545#section-3.3.6 (nominal and exact durations) and section 3.8.6.3
# (alarms); https://docs.python.org/3/library/datetime.html ("If both are aware and have the same tzinfo attribute, the
# tzinfo attributes are ignored"); https://github.com/libical/libical/issues/630 and /issues/1172 (the same in C).
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check icalendar==7.3.0 recurring-ical-events==3.8.2 tzdata==2026.6
npm install --silent --no-fund --no-audit --prefix "$here" ical.js@2.2.1 node-ical@0.27.2 >/dev/null
cat >"$here/zone" <<'EOF'
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
EOF
cat >"$here/read.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import ICAL from "ical.js";
import nodeIcal from "node-ical";
const text = readFileSync(process.argv[2], "utf8");
const calendar = new ICAL.Component(ICAL.parse(text));
ICAL.TimezoneService.register(calendar.getFirstSubcomponent("vtimezone"));
const ends = { "ical.js": new ICAL.Event(calendar.getFirstSubcomponent("vevent")).endDate.toJSDate() };
ends["node-ical"] = Object.values(nodeIcal.sync.parseICS(text)).find(({ type }) => type === "VEVENT").end;
console.log(JSON.stringify(ends));
EOF
cd "$here"
venv/bin/python - <<'EOF'
import json
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import recurring_ical_events
from icalendar import Calendar

EVENT = """BEGIN:VEVENT
UID:shift@example.com
DTSTAMP:20260101T000000Z
SUMMARY:on call
DTSTART;TZID=Europe/Berlin:{start}
DURATION:{duration}
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:on call
TRIGGER:-PT10H
END:VALARM
END:VEVENT"""


def hours(since: datetime, until: datetime) -> float:
    return (until.astimezone(UTC) - since.astimezone(UTC)) / timedelta(hours=1)


def lengths(start: str, duration: str) -> dict[str, float]:
    """How many hours the event lasts for each library, and how many the alarm rings before it."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN", *Path("zone").read_text().splitlines()]
    lines += [*EVENT.format(start=start, duration=duration).splitlines(), "END:VCALENDAR", ""]
    Path("shift.ics").write_bytes("\r\n".join(lines).encode())
    calendar = Calendar.from_ical(Path("shift.ics").read_bytes())
    [event] = calendar.events
    [occurrence] = recurring_ical_events.of(calendar).all()
    ran = subprocess.run(["node", "read.mjs", "shift.ics"], capture_output=True, text=True, check=True)
    ends = {name: datetime.fromisoformat(each.replace("Z", "+00:00")) for name, each in json.loads(ran.stdout).items()}
    ends = {"icalendar": event.end, "recurring": occurrence.end} | ends
    assert event.end - event.start == event.duration
    found = {name: hours(event.start, end) for name, end in ends.items()}
    return found | {"alarm": hours(event.alarms.times[0].trigger, event.start)}


print("icalendar", version("icalendar"), "recurring-ical-events", version("recurring-ical-events"))
seen = {}
for start in ("20261024T220000", "20260328T220000", "20261101T220000"):
    for duration in ("PT8H", "P1D"):
        seen[start, duration] = lengths(start, duration)
        print(start, duration, seen[start, duration])
for start, wrong in (("20261024T220000", 9), ("20260328T220000", 7)):
    found = seen[start, "PT8H"]
    assert found["icalendar"] == found["recurring"] == found["ical.js"] == wrong, "this finding is out of date"
    day = seen[start, "P1D"]
    assert day["icalendar"] == day["recurring"] == day["ical.js"] == wrong + 16
    assert (found["node-ical"], day["node-ical"]) == (8, 24), "node-ical reads them otherwise now"
assert set(seen["20261101T220000", "PT8H"].values()) == {8, 10}
rings = {start: lengths(start, "PT8H")["alarm"] for start in ("20261025T080000", "20260329T080000")}
print("an alarm ten hours before rings before:", rings)
assert rings == {"20261025T080000": 11, "20260329T080000": 9}, "this finding is out of date"
EOF
