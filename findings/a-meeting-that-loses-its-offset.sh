#!/usr/bin/env bash
# Chromium 156 (Temporal) with date-fns 4.4.0: ten in Berlin is read as ten in Greenwich, in Toronto as none.
#
# A good guess: `JSON.stringify` of a Temporal.ZonedDateTime gives a time with its offset and, behind it, the zone's
# name in brackets (RFC 9557, two years old). A parser of ISO times either knows the brackets or refuses them.
# What happens: `parseISO` of date-fns, which is to give an Invalid Date for what is no ISO time, compares all that
# stands behind the seconds with the form of an offset, and where it does not fit takes an offset of zero. So
# "2026-12-01T10:00:00+01:00[Europe/Berlin]" is 10:00 in UTC: an hour off, 5 h 30 min for Kolkata, 13 h for Apia. It
# is an Invalid Date only for names with a capital T (Toronto, Tokyo, UTC), as it parts date and time at each T. luxon
# 3.7.2 reads the same texts rightly; dayjs 1.11.23 and pydantic 2.14.4 refuse them.
# For users: Temporal came to Chromium this year. One client that sends its meetings by Temporal, another that reads
# them by date-fns, and a meeting or a poll's end is off by the sender's offset, which nobody notices near Greenwich.
# Send `toInstant()`, or `toString({ timeZoneName: "never" })`.
# Source: https://www.rfc-editor.org/rfc/rfc9557 (section 4.1);
# https://tc39.es/proposal-temporal/docs/zoneddatetime.html (toJSON); https://date-fns.org/docs/parseISO ("Invalid
# Date"); date-fns/parseISO.js (`parseTimezone`).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund date-fns@4.4.0 luxon@3.7.2 dayjs@1.11.23
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydantic==2.14.4
cat >page.html <<'EOF'
<body><script>
const zones = ["Europe/Berlin", "Asia/Kolkata", "Pacific/Apia", "Asia/Tokyo", "America/Toronto"];
const at = Temporal.Instant.from("2026-12-01T09:00:00Z");
document.body.textContent = JSON.stringify(zones.map((zone) => at.toZonedDateTimeISO(zone)));
</script>
EOF
chromium --version
chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$here/profile" --dump-dom "file://$here/page.html" \
    2>/dev/null | grep -o '\[".*"\]' >texts.json
cat texts.json
cat >read.mjs <<'EOF'
import { readFileSync } from "node:fs";
import dayjs from "dayjs";
import { parseISO } from "date-fns";
import { DateTime } from "luxon";

const texts = JSON.parse(readFileSync("texts.json", "utf8"));
const said = (date) => (Number.isNaN(date.getTime()) ? "none" : date.toISOString().slice(11, 16));
const read = {
  "date-fns": texts.map((text) => said(parseISO(text))),
  luxon: texts.map((text) => said(DateTime.fromISO(text).toJSDate())),
  dayjs: texts.map((text) => said(dayjs(text).toDate())),
};
console.log(read);
const wanted = {
  "date-fns": ["10:00", "14:30", "22:00", "none", "none"],
  luxon: Array(5).fill("09:00"),
  dayjs: Array(5).fill("none"),
};
if (JSON.stringify(read) !== JSON.stringify(wanted)) throw new Error("it has changed");
EOF
TZ=America/New_York node read.mjs
venv/bin/python - <<'EOF'
import json
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

refused = 0
for text in json.load(open("texts.json")):
    try:
        TypeAdapter(datetime).validate_python(text)
    except ValidationError:
        refused += 1
print("pydantic refused", refused, "of 5")
assert refused == 5
EOF
