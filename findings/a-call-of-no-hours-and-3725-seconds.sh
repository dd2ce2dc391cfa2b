#!/usr/bin/env bash
# Chromium 156: by Temporal and Intl.DurationFormat a call of an hour lasts 0:00:3725, and one of no time nothing.
#
# A good guess: the platform's own difference of two instants, in the platform's own "digital" style, is the time on a
# call's clock: 1:02:05. And a duration of nothing is "0 sec".
# What happens: `later.since(earlier)` of two Temporal.Instants counts seconds and no larger unit unless it is told to
# (`largestUnit`), and Intl.DurationFormat writes each unit as it is given, without carrying: two fields that are
# always there, and 3,725 seconds behind them. "short" and "long" write "3,725 sec", and of a duration whose fields
# are all zero they write nothing at all; "digital" writes "0:00:00". Nothing warns. luxon's
# `Duration.fromMillis(…).toFormat("h:mm:ss")` carries.
# For users: the clock of a call, the length of a voice message and "closes in" are right in every test of less than a
# minute, wrong after it, and empty at its first moment. Say `largestUnit: "hours"`, or round before writing, and
# write zero by yourself.
# Source: https://tc39.es/proposal-temporal/docs/instant.html#since ("largestUnit", default);
# https://github.com/tc39/proposal-intl-duration-format/issues/10 (no arithmetic) and /issues/192 (digital).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
cat >page.html <<'EOF'
<meta charset="utf-8">
<body><script>
const begun = Temporal.Instant.from("2026-12-01T09:00:00Z");
const ended = Temporal.Instant.from("2026-12-01T10:02:05Z");
const written = (style, duration) => new Intl.DurationFormat("en", { style }).format(duration);
document.body.textContent = JSON.stringify({
  digital: written("digital", ended.since(begun)),
  short: written("short", ended.since(begun)),
  asked: written("digital", ended.since(begun, { largestUnit: "hours" })),
  minutes: written("digital", { minutes: 75 }),
  nothing: written("short", begun.since(begun)),
  nothingDigital: written("digital", begun.since(begun)),
});
</script>
EOF
chromium --version
chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$here/profile" --dump-dom "file://$here/page.html" \
    2>/dev/null | grep -o '{.*}' | tee found.json
npm init -y >/dev/null
npm install --silent --no-audit --no-fund luxon@3.7.2
cat >luxon.mjs <<'EOF'
import { readFileSync } from "node:fs";
import { Duration } from "luxon";

const carried = Duration.fromMillis(3_725_000).toFormat("h:mm:ss");
console.log("luxon", carried);
const found = readFileSync("found.json", "utf8").trim();
const wanted = {
  digital: "0:00:3725",
  short: "3,725 sec",
  asked: "1:02:05",
  minutes: "0:75:00",
  nothing: "",
  nothingDigital: "0:00:00",
};
if (carried !== "1:02:05" || found !== JSON.stringify(wanted)) throw new Error("it has changed");
EOF
node luxon.mjs
