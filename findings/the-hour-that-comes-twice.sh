#!/usr/bin/env bash
# luxon 3.7.2, dayjs 1.11.23, date-fns-tz 3.2.0, @date-fns/tz 1.5.0: which of two hours is meant depends on when it is asked.
#
# A good guess: 02:30 of 25 October 2026 comes twice in Berlin, and a library takes the first one, as Temporal
# ("compatible"), Python (fold=0) and moment-timezone do, or the second one; whichever, it is the same each time.
# What happens: luxon and dayjs begin with the offset that the zone has at this moment (luxon: at its first use): asked
# in July they mean the first 02:30 and in January the second. date-fns-tz, whose description says "regardless of the
# current system time zone", and TZDate of @date-fns/tz go by the machine's zone: on one in Berlin they mean the second
# and the first, on one in New York the first and the second. Of 02:30 on the night in spring that has none, date-fns-tz
# makes 01:30, all others 03:30.
# For users: a message that was planned in summer and is opened for a change in winter moves by an hour without having
# been touched; two clients show two hours for one; tests that pass in summer fail in winter, or on CI's machine only.
# Turn wall times into instants once, by Temporal or on the server, and keep the instant.
# Source: https://github.com/moment/luxon/issues/1665 and 1089; luxon, src/datetime.js (guessOffsetForZone); dayjs,
# src/plugin/timezone/index.js (fixOffset, called with the offset of `+d()`); date-fns-tz, fromZonedTime and
# _lib/tzParseTimezone; @date-fns/tz, date/mini.js (adjustToSystemTZ); https://tc39.es/proposal-temporal/docs/timezone.html
# ("Ambiguity due to DST").
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
npm install --silent --no-fund --no-audit --prefix "$here" luxon@3.7.2 dayjs@1.11.23 date-fns@4.1.0 date-fns-tz@3.2.0 \
    @date-fns/tz@1.5.0 moment-timezone@0.6.6 temporal-polyfill@1.0.8 >/dev/null
cat >"$here/twice.mjs" <<'EOF'
// prints for one machine's zone and one moment of asking the UTC times that each library means
const RealDate = Date;
const [, , asked, wall] = process.argv;
const now = RealDate.parse(asked);
globalThis.Date = class extends RealDate {
  constructor(...given) {
    super(...(given.length ? given : [now]));
  }
  static now() {
    return now;
  }
};
const { DateTime } = await import("luxon");
const { default: dayjs } = await import("dayjs");
dayjs.extend((await import("dayjs/plugin/utc.js")).default);
dayjs.extend((await import("dayjs/plugin/timezone.js")).default);
const { fromZonedTime } = await import("date-fns-tz");
const { TZDate } = await import("@date-fns/tz");
const { default: moment } = await import("moment-timezone");
const { Temporal } = await import("temporal-polyfill");
const zone = "Europe/Berlin";
const [year, month, day, hour, minute] = wall.split(/[-T:]/).map(Number);
const meant = {
  luxon: DateTime.fromISO(wall, { zone }).toMillis(),
  dayjs: dayjs.tz(wall, zone).valueOf(),
  "date-fns-tz": fromZonedTime(wall, zone).getTime(),
  TZDate: new TZDate(year, month - 1, day, hour, minute, zone).getTime(),
  moment: moment.tz(wall, zone).valueOf(),
  Temporal: Temporal.PlainDateTime.from(wall).toZonedDateTime(zone).epochMilliseconds,
};
const text = (at) => new RealDate(at).toISOString().slice(11, 16);
console.log(Object.entries(meant).map(([name, at]) => `${name} ${text(at)}`).join(", "));
EOF
cd "$here"
seen=$(for wall in 2026-10-25T02:30 2026-03-29T02:30; do
    for asked in 2026-01-15T12:00Z 2026-07-15T12:00Z; do
        for machine in Europe/Berlin America/New_York; do
            echo "$wall asked in month ${asked:5:2} at $machine: $(TZ=$machine node twice.mjs "$asked" "$wall")"
        done
    done
done)
echo "$seen"
autumn=$(grep "^2026-10" <<<"$seen" | sed 's/.*: luxon/luxon/')
spring=$(grep "^2026-03" <<<"$seen" | sed 's/.*: luxon/luxon/' | sort -u)
[ "$autumn" = "luxon 01:30, dayjs 01:30, date-fns-tz 01:30, TZDate 00:30, moment 00:30, Temporal 00:30
luxon 01:30, dayjs 01:30, date-fns-tz 00:30, TZDate 01:30, moment 00:30, Temporal 00:30
luxon 00:30, dayjs 00:30, date-fns-tz 01:30, TZDate 00:30, moment 00:30, Temporal 00:30
luxon 00:30, dayjs 00:30, date-fns-tz 00:30, TZDate 01:30, moment 00:30, Temporal 00:30" ]
[ "$spring" = "luxon 01:30, dayjs 01:30, date-fns-tz 00:30, TZDate 01:30, moment 01:30, Temporal 01:30" ]
