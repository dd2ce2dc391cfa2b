#!/usr/bin/env bash
# Chromium 156 with coturn: each kind of media opens relays of its own, and one of them is used.
#
# A good guess: sound and picture of a call go over one transport (BUNDLE), as every browser of today offers it, so a
# call with a camera costs a TURN server as many allocations as one without.
# What happens: by default (`bundlePolicy: "balanced"`) an offer collects candidates for each kind of media, in case the
# other side knew nothing of BUNDLE. Before any answer, a microphone and a camera open twice as many allocations as a
# microphone alone, with a data channel three times as many, for each address of the TURN server that is given and each
# network of the device, and so many more candidates are sent to the other person. One transport is ever used. With
# "max-bundle" the numbers are those of a microphone alone, and the call connects just so.
# For users: the limit of allocations for one person (coturn: `user-quota`; LiveKit's relay: 4, since August 2026) is
# reached by their first call, and what is refused is no error of the call, only a relay that is missing when it is
# needed. Where signals go through functions, each candidate is a request to pay for.
# Source: https://www.rfc-editor.org/rfc/rfc9429#section-4.1.1 (the policies);
# https://github.com/livekit/livekit/pull/4744 (the limit of 4); https://github.com/coturn/coturn/issues/409.
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
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

SECRET, HOST = "only for this test", "127.0.0.1"
CALL = """async ({ servers, policy, kinds }) => {
  const configuration = { iceServers: [servers], ...(policy ? { bundlePolicy: policy } : {}) };
  const [ann, ben] = [new RTCPeerConnection(configuration), new RTCPeerConnection()];
  let candidates = 0;
  const connected = new Promise((done) => {
    ann.onconnectionstatechange = () => ann.connectionState === "connected" && done(true);
  });
  const gathered = new Promise((done) => {
    ann.onicecandidate = ({ candidate }) => (candidate ? (candidates += 1, ben.addIceCandidate(candidate)) : done());
  });
  const early = [];
  ben.onicecandidate = ({ candidate }) => candidate && early.push(candidate);
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true, video: kinds > 1 });
  for (const track of stream.getTracks()) ann.addTrack(track, stream);
  if (kinds > 2) ann.createDataChannel("chat");
  const offer = await ann.createOffer();
  const remote = ben.setRemoteDescription(offer);
  await ann.setLocalDescription(offer);
  await Promise.all([remote, gathered]); // the person takes some seconds to answer
  const found = candidates;
  await ben.setLocalDescription();
  await ann.setRemoteDescription(ben.localDescription);
  for (const candidate of early) await ann.addIceCandidate(candidate);
  await connected;
  const transports = new Set([...ann.getSenders(), ...ann.getReceivers()].map((each) => each.transport)).size;
  for (const each of [ann, ben]) each.close();
  return [found, transports];
}"""
with socket.socket() as free:
    free.bind((HOST, 0))
    port = free.getsockname()[1]
arguments = ["-n", "--use-auth-secret", f"--static-auth-secret={SECRET}", "--realm=test", "--no-cli", "--no-tls"]
arguments += ["--no-dtls", f"--listening-ip={HOST}", f"--relay-ip={HOST}", f"--listening-port={port}", "--verbose"]
arguments += ["--allow-loopback-peers", "--log-file=stdout", "--simple-log", "--pidfile=pid", "--userdb=turndb"]
with Path("log").open("w") as log:
    server = subprocess.Popen(["turnserver", *arguments], stdout=log, stderr=subprocess.STDOUT)
try:
    for _ in range(100):
        with socket.socket() as asking:
            if asking.connect_ex((HOST, port)) == 0:
                break
        time.sleep(0.1)
    said = {}
    options = ["--no-sandbox", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    options += ["--allow-loopback-in-peer-connection"]
    how = {"executable_path": sys.argv[1], "args": options}
    with sync_playwright() as playwright, playwright.chromium.launch(**how) as browser:
        print("Chromium", browser.version)
        page = browser.new_page()
        page.route("**/*", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.goto("http://localhost/")
        for kinds, policy in ((1, None), (2, None), (3, None), (2, "max-bundle"), (3, "max-bundle")):
            username = f"{int(time.time()) + 600}:ann{len(said)}"
            password = base64.b64encode(hmac.digest(SECRET.encode(), username.encode(), "sha1")).decode()
            urls = [f"turn:{HOST}:{port}?transport={each}" for each in ("udp", "tcp")]
            servers = {"urls": urls, "username": username, "credential": password}
            said[kinds, policy] = page.evaluate(CALL, {"servers": servers, "policy": policy, "kinds": kinds}), username
finally:
    server.terminate()
    server.wait()
opened = re.findall(r"user <([^>]+)>: incoming packet ALLOCATE processed, success", Path("log").read_text())
of_one = None
for (kinds, policy), ((candidates, transports), username) in said.items():
    allocations = opened.count(username)
    of_one = of_one or (allocations, candidates)
    kind = ["", "microphone", "microphone, camera", "microphone, camera, data"][kinds]
    counted = f"{allocations} relays, {candidates} candidates, {transports} transport used"
    print(f"{kind:24} {policy or 'by default':10}: {counted}")
    times = kinds if policy is None else 1
    assert allocations == times * of_one[0] and candidates == times * of_one[1], "they collect otherwise: out of date"
    assert transports == 1
assert of_one[0] >= len(urls)
EOF
