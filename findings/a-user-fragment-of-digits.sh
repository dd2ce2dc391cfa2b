#!/usr/bin/env bash
# sdp-transform 3.0.0 (npm) with Chromium 156: in one offer of some two thousand the ICE user fragment is a number.
#
# A good guess: `parse(sdp).media[0].iceUfrag` is a text, as RFC 8839 defines it and as `RTCIceCandidate` has it; numbers
# are what SDP has as numbers, such as ports and rates. Whatever was right for a hundred calls has the right type.
# What happens: whatever looks like a whole number becomes one. Chromium draws four signs out of 64, and four digits
# without a zero before them come once in 1,864 offers. Then `iceUfrag` is 4821 and the fragment of the candidates is
# "4821": `===` says that they belong to another connection. Sent as JSON it is refused where a text is asked for:
# pydantic makes no text out of a number (`string_type`), nor does a JSON schema. "0482" stays a text. `mid` is a number
# always. Writing the SDP again gives the same text, so who only edits one sees nothing.
# For users: a call that does not come about, once in days, never again on redial, and never in a test with samples.
# Read `String(media.iceUfrag)`, likewise `mid`, or take the parameters from the line itself.
# Source: sdp-transform, lib/parser.js (toIntIfInt); https://github.com/medooze/semantic-sdp-js/pull/13 (the same number in
# a media server); https://github.com/WebTrit/webtrit_phone/pull/1454 (June 2026: calls declined, by the port to Dart);
# RFC 8839, 5.4 (ice-ufrag = 4*256ice-char).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 pydantic==2.13.5
npm install --silent --no-fund --no-audit --prefix "$here" sdp-transform@3.0.0 >/dev/null
cat >"$here/parse.mjs" <<'EOJ'
import { readFileSync } from "node:fs";
import { parse, write } from "sdp-transform";
const parsed = JSON.parse(readFileSync(0)).map((sdp) => {
  const session = parse(sdp);
  const { iceUfrag, icePwd, mid } = session.media[0];
  return { ufrag: iceUfrag, pwd: icePwd, mid, kept: write(session).includes(`a=ice-ufrag:${iceUfrag}\r\n`) };
});
console.log(JSON.stringify(parsed));
EOJ
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOP'
import json
import re
import subprocess
import sys

from playwright.sync_api import sync_playwright
from pydantic import BaseModel, ValidationError

OFFERS = 40_000  # each with a fragment of its own; none of digits alone would be one case in a billion
COLLECT = """async (count) => {
  const connection = new RTCPeerConnection();
  connection.createDataChannel("chat");
  const offers = new Map();
  for (let each = 0; each < count; each += 1) {
    const { sdp } = await connection.createOffer({ iceRestart: true });
    const [, fragment] = /^a=ice-ufrag:(.*)\\r$/m.exec(sdp);
    if (each < 3 || /^[0-9]+$/.test(fragment)) offers.set(fragment, sdp);
  }
  connection.close();
  return [...offers.values()];
}"""


class IceParameters(BaseModel):
    ufrag: str
    pwd: str


with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto("data:text/html,call")
    offers = page.evaluate(COLLECT, OFFERS)
    print("Chromium", browser.version)
    browser.close()
listed = subprocess.run(["node", "parse.mjs"], input=json.dumps(offers), capture_output=True, text=True, check=True)
numbers = 0
for sdp, media in zip(offers, json.loads(listed.stdout), strict=True):
    fragment = re.search(r"^a=ice-ufrag:(.*)\r$", sdp, re.MULTILINE)[1]
    try:
        refused = IceParameters.model_validate(media).ufrag != fragment
    except ValidationError as error:
        refused = [each["type"] for each in error.errors()] == ["string_type"]
    of_digits = re.fullmatch("[1-9][0-9]*", fragment) is not None
    numbers += of_digits
    print(f"ice-ufrag:{fragment} is {media['ufrag']!r}, mid {media['mid']!r}", "(refused)" if refused else "")
    outdated = "a fragment of digits is a text now: this finding is out of date"
    assert (media["ufrag"] == int(fragment) if of_digits else media["ufrag"] == fragment), outdated
    assert refused == of_digits and type(media["mid"]) is int and media["kept"], outdated
print(f"of {OFFERS} offers {numbers} have a number: one in {OFFERS // max(numbers, 1)}")
assert numbers, "no fragment of digits was offered: this finding is out of date"
EOP
