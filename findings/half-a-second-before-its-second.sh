#!/usr/bin/env bash
# Temporal (Chromium 156), pydantic 2.14.4: sorted as texts, half past the second comes before the second.
#
# A good guess: times in UTC, written by ISO 8601 with the same number of digits for each field, sort as texts as they
# follow in time. Keys of stores are made so, and pages of lists go on "after" such a key.
# What happens: Temporal.Instant and pydantic's JSON write no fraction where it is zero, and end with Z. A dot sorts
# before Z, so "10:00:00.5Z" comes before "10:00:00Z": of a second's messages the one exactly on the second is the
# last. `[...instants].sort()` does it, too, as an array sorts objects by their texts. `Date.toISOString()` always has
# three digits. Python's `isoformat()` leaves the fraction out as well, but ends with "+00:00", and a plus sorts
# before a dot: replacing that by Z, as is often done for JavaScript, breaks the order. One time in a thousand has no
# milliseconds, one in a million no microseconds: no test sees it.
# For users: a sort key in DynamoDB, an index in SQLite or IndexedDB, or names of files: a list has two neighbours in
# the wrong order, and who asks for what came after the last one seen misses a message, once in some thousand. Write a
# fixed number of digits (`toString({ fractionalSecondDigits: 3 })`, `isoformat(timespec="milliseconds")`), or
# numbers.
# Source: https://tc39.es/proposal-temporal/docs/instant.html#toString ("auto");
# https://docs.pydantic.dev/latest/concepts/serialization/ (datetime in JSON);
# https://docs.python.org/3/library/datetime.html#datetime.datetime.isoformat;
# https://www.rfc-editor.org/rfc/rfc3339#section-5.1 (ordering: what has to be the same).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pydantic==2.14.4
cat >page.html <<'EOF'
<meta charset="utf-8">
<body><script>
const first = Temporal.Instant.from("2026-12-01T10:00:00Z");
const times = [0, 250, 500].map((milliseconds) => first.add({ milliseconds }));
document.body.textContent = JSON.stringify({
  Temporal: times,
  "sort() of Temporal": [...times].sort(),
  Date: times.map((each) => new Date(each.epochMilliseconds)),
});
</script>
EOF
chromium --version
chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$here/profile" --dump-dom "file://$here/page.html" \
    2>/dev/null | grep -o '{.*}' >browser.json
venv/bin/python - <<'EOF'
import json
import sqlite3
from datetime import UTC, datetime, timedelta

from pydantic import TypeAdapter

first = datetime(2026, 12, 1, 10, tzinfo=UTC)
times = [first + timedelta(milliseconds=each) for each in (0, 250, 500)]
by_browser = json.load(open("browser.json"))
sorted_by_browser = by_browser.pop("sort() of Temporal")
texts = by_browser | {
    "pydantic": [json.loads(TypeAdapter(datetime).dump_json(each)) for each in times],
    "isoformat": [each.isoformat() for each in times],
    "isoformat, with Z": [each.isoformat().replace("+00:00", "Z") for each in times],
    "3 digits": [each.isoformat(timespec="milliseconds").replace("+00:00", "Z") for each in times],
}
store = sqlite3.connect(":memory:")
store.execute("CREATE TABLE messages (at TEXT PRIMARY KEY) WITHOUT ROWID")


def kept_order(written: list[str]) -> list[int]:
    """The places of the times, which are in order, when a store sorts their texts."""
    store.execute("DELETE FROM messages")
    store.executemany("INSERT INTO messages VALUES (?)", [(each,) for each in written])
    return [written.index(at) for (at,) in store.execute("SELECT at FROM messages ORDER BY at")]


orders = {name: kept_order(written) for name, written in texts.items()}
for name, order in orders.items():
    print(f"{name:18}", order, texts[name][0], texts[name][1])
wrong = [name for name, order in orders.items() if order != [0, 1, 2]]
assert wrong == ["Temporal", "pydantic", "isoformat, with Z"], wrong
assert all(orders[name] == [1, 2, 0] for name in wrong)
assert sorted_by_browser == [by_browser["Temporal"][each] for each in (1, 2, 0)]
EOF
