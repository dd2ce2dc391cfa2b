#!/usr/bin/env bash
# Temporal (Chromium 156) with dequal 2.0.3, fast-deep-equal 3.1.3, lodash-es 4.18.1: equal, an error, or unequal.
#
# A good guess: libraries that compare deeply compare Temporal's objects as they compare Dates, or, as they do not
# know them, by identity; Temporal's `equals` is there for it.
# What happens: a Temporal object has no properties of its own, and its `valueOf` throws, so that nobody compares two
# by `<`. dequal (and dequal/lite) and deep-equal find two objects of one class without differing properties: this
# year and next year are equal. fast-deep-equal and react-fast-compare call `valueOf` and raise its TypeError.
# lodash's isEqual and fast-equals find the same instant unequal to itself. Not one of seven compares them.
# For users: a component or a cache that updates only upon a difference keeps showing the old time of a meeting with
# the first two, fails when it is shown a second time with the next two, and is drawn anew each time with the last.
# Keep texts or numbers in state, and Temporal in calculations.
# Source: https://tc39.es/proposal-temporal/docs/instant.html (valueOf, equals); https://github.com/lukeed/dequal
# (README, "dequal vs dequal/lite"); https://github.com/epoberezkin/fast-deep-equal/blob/master/src/index.jst
# (`valueOf`); https://lodash.com/docs/#isEqual (the kinds that it compares).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
cd "$here"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund esbuild@0.28.2 dequal@2.0.3 deep-equal@2.2.3 fast-deep-equal@3.1.3 \
    react-fast-compare@3.2.3 lodash-es@4.18.1 fast-equals@6.2.2
cat >compare.mjs <<'EOF'
import deepEqual from "deep-equal";
import { dequal } from "dequal";
import { dequal as lite } from "dequal/lite";
import fastDeepEqual from "fast-deep-equal";
import { deepEqual as fastEquals } from "fast-equals";
import { isEqual } from "lodash-es";
import reactFastCompare from "react-fast-compare";

const meeting = (year) => ({ at: Temporal.Instant.from(`${year}-12-01T09:00:00Z`) });
const asked = (compare, one, other) => {
  try {
    return compare(meeting(one), meeting(other)) ? "equal" : "unequal";
  } catch (error) {
    return error.constructor.name;
  }
};
const all = { dequal, lite, deepEqual, fastDeepEqual, reactFastCompare, isEqual, fastEquals };
const found = Object.entries(all).map(([name, each]) => [name, asked(each, 2026, 2026), asked(each, 2026, 2027)].join(" "));
document.body.textContent = found.join("; ");
EOF
npx esbuild compare.mjs --bundle --format=iife --outfile=compare.js --log-level=error
echo '<meta charset="utf-8"><body><script src="compare.js"></script>' >page.html
chromium --version
echo "library, two objects of one instant, of two instants:"
chromium --headless=new --no-sandbox --disable-gpu --user-data-dir="$here/profile" --dump-dom "file://$here/page.html" \
    2>/dev/null | sed -n 's/.*<body>\([^<]*\).*/\1/p' | tee found.txt
wanted="dequal equal equal; lite equal equal; deepEqual equal equal; fastDeepEqual TypeError TypeError; "
wanted+="reactFastCompare TypeError TypeError; isEqual unequal unequal; fastEquals unequal unequal"
[ "$(cat found.txt)" = "$wanted" ] || { echo "it has changed" >&2; exit 1; }
