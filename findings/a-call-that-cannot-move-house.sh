#!/usr/bin/env bash
# Chromium 156 with coturn: after its credential has ended a restart of ICE finds no relay, and says "connected".
#
# A good guess: credentials that end (`username = expiry:user`) are asked for when a call begins. A relay that is open
# stays open, and who changes networks later is helped by `restartIce()`, which fails visibly if it fails at all.
# What happens: the media go on after the credential's end. A restart asks for relays anew, with the credential of the
# beginning, and each request is answered 401. No relay is offered, nothing throws, `connectionState` stays "connected"
# by the path of before, and that path is what goes with the network. All that tells is `icecandidateerror`. With new
# servers by `setConfiguration` before the restart there are relays again.
# For users: calls of more than an hour (the usual life of a credential) that end for good when a telephone goes from
# Wi-Fi to the mobile network, for people who need a relay. Ask for new credentials during the call, at half their life.
# Source: https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00 (section 2.2);
# https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-setconfiguration ("the next gathering phase");
# https://github.com/coturn/coturn/wiki/turnserver (use-auth-secret).
set -euo pipefail
for needed in chromium turnserver; do
    command -v "$needed" >/dev/null || { echo "needs Debian's packages chromium and coturn" >&2; exit 2; }
done
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2
cd "$here"
turnserver --version | tail -1
venv/bin/python - "$(command -v chromium)" <<'EOF'
import base64
import hmac
import socket
import subprocess
import sys
import time

from playwright.sync_api import sync_playwright

SECRET, HOST, LIFE_S = "only for this test", "127.0.0.1", 12
CALL = """async ({ first, later, ends }) => {
  const configuration = (iceServers) => ({ iceServers, iceTransportPolicy: "relay", bundlePolicy: "max-bundle" });
  const [ann, ben] = [0, 1].map(() => new RTCPeerConnection(configuration(first)));
  const errors = new Set();
  let relays = 0;
  for (const [one, other] of [[ann, ben], [ben, ann]]) {
    one.onicecandidateerror = ({ errorCode }) => errors.add(errorCode);
    one.onicecandidate = ({ candidate }) => candidate && ((relays += 1), other.addIceCandidate(candidate));
  }
  const until = async (true_) => {
    for (let tries = 0; tries < 100 && !(await true_()); tries += 1) await new Promise((go) => setTimeout(go, 100));
    return true_();
  };
  const gathered = () => [ann, ben].every((each) => each.iceGatheringState === "complete");
  const negotiate = async () => {
    await ann.setLocalDescription();
    await ben.setRemoteDescription(ann.localDescription);
    await ben.setLocalDescription();
    await ann.setRemoteDescription(ben.localDescription);
    await until(gathered);
  };
  const heard = async () => {
    const stats = [...(await ben.getStats()).values()];
    return stats.find(({ type }) => type === "inbound-rtp")?.packetsReceived ?? 0;
  };
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  ann.addTrack(stream.getTracks()[0], stream);
  await negotiate();
  await until(() => ann.connectionState === "connected" && ben.connectionState === "connected");
  const atFirst = [relays, ann.connectionState, errors.size];
  await new Promise((go) => setTimeout(go, ends * 1000 + 2000 - Date.now()));
  const before = await heard();
  const goesOn = await until(async () => (await heard()) > before + 20);
  if (later) for (const each of [ann, ben]) each.setConfiguration(configuration(later));
  relays = 0;
  errors.clear();
  ann.restartIce();
  await negotiate();
  await new Promise((go) => setTimeout(go, 1000));
  const said = { atFirst, goesOn, afterRestart: [relays, ann.connectionState, [...errors].join()] };
  for (const each of [ann, ben]) each.close();
  return said;
}"""
with socket.socket() as free:
    free.bind((HOST, 0))
    port = free.getsockname()[1]
arguments = ["-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=test", "--no-cli", "--no-tls"]
arguments += ["--no-dtls", f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}"]
arguments += ["--allow-loopback-peers", "--log-file=/dev/null", "--pidfile=pid", "--userdb=turndb"]


def servers(ends):
    username = f"{ends}:ann"
    password = base64.b64encode(hmac.digest(SECRET.encode(), username.encode(), "sha1")).decode()
    return [{"urls": f"turn:{HOST}:{port}?transport=udp", "username": username, "credential": password}]


server = subprocess.Popen(["turnserver", *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
try:
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex((HOST, port)) == 0:
                break
        time.sleep(0.1)
    said = {}
    options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    how = {"executable_path": sys.argv[1], "args": [*options, "--allow-loopback-in-peer-connection"]}
    with sync_playwright() as playwright, playwright.chromium.launch(**how) as browser:
        print("Chromium", browser.version)
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.goto("http://localhost/")
        for name in ("the credential of the beginning", "a new one"):
            ends = int(time.time()) + LIFE_S
            later = servers(ends + 600) if name == "a new one" else None
            said[name] = page.evaluate(CALL, {"first": servers(ends), "later": later, "ends": ends})
            print(f"{name}: {said[name]}")
finally:
    server.terminate()
    server.wait()
old, new = said.values()
for each in (old, new):
    relays, *rest = each["atFirst"]
    assert relays > 0 and rest == ["connected", 0], f"no call through the relay at first: {each}"
    assert each["goesOn"], "media end with the credential now: this finding is out of date"
assert old["afterRestart"] == [0, "connected", "401"], "a restart tells of it now: this finding is out of date"
relays, *rest = new["afterRestart"]
assert relays > 0 and rest == ["connected", ""]
EOF
