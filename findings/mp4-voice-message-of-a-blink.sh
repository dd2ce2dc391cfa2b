#!/usr/bin/env bash
# Chromium 156's MediaRecorder, `audio/mp4`: two seconds of voice are 0.04 s to mutagen 1.48.1, music-metadata 11.16.1.
#
# A good guess: what MediaRecorder is known for is WebM without a duration. Its MP4 names one, so a server that reads it
# (to show the length of a voice message, or to refuse one that is too long) gets the length that the browser plays.
# What happens: the recording names 1,941 as the duration in `mvhd`, whose unit is 1/1000 s, and the same 1,941 in
# `mdhd`, whose unit is 1/48000 s. ISO 14496-12 wants the media's own unit there. Chromium plays two seconds, MediaInfo
# says so too, since they look at the fragments; libraries that read `mdhd`, the usual place, divide 1,941 by 48,000.
# The file is well in all other respects. (WebM without a time slice does have its duration in this version.)
# For users: a list of voice messages of 0:00. Count the samples of the fragments (`trun`), or take `mvhd` where there
# is one track.
# Source: ISO/IEC 14496-12, 8.4.2.3 (mdhd: "duration ... in the scale of the timescale"); the same seen by others in
# August 2026, https://github.com/NomaDamas/CozyClay/issues/13; mutagen/mp4/__init__.py (MP4Info, from mdhd).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check playwright==1.65.2 mutagen==1.48.1 pymediainfo==7.0.1
npm install --silent --no-fund --no-audit --prefix "$here" music-metadata@11.16.1 >/dev/null
echo '<!doctype html><title>chat</title>' >"$here/index.html"
cat >"$here/length.mjs" <<'EOF'
import { parseFile } from "music-metadata";
console.log((await parseFile("voice.mp4", { duration: true })).format.duration);
EOF
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import base64
import struct
import subprocess
import sys
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

from mutagen.mp4 import MP4
from playwright.sync_api import sync_playwright
from pymediainfo import MediaInfo


class Site(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def unit_and_duration(content: bytes, box: bytes) -> tuple[int, int]:
    """Timescale and duration of the first `mvhd` or `mdhd`, in version 1, with 64 bits for times (ISO 14496-12)."""
    start = content.index(box) + 4
    assert content[start] == 1
    return struct.unpack(">IQ", content[start + 20 : start + 32])


RECORD = """async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const recorder = new MediaRecorder(stream, { mimeType: "audio/mp4" });
  const recorded = new Promise((done) => { recorder.ondataavailable = (event) => done(event.data); });
  recorder.start();
  await new Promise((later) => setTimeout(later, 2000));
  recorder.stop();
  const file = await recorded;
  const player = new Audio(URL.createObjectURL(file));
  await new Promise((known) => { player.onloadedmetadata = known; });
  const bytes = new Uint8Array(await file.arrayBuffer());
  return [recorder.mimeType, player.duration, btoa(Array.from(bytes, (each) => String.fromCharCode(each)).join(""))];
}"""
server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
threading.Thread(target=server.serve_forever, daemon=True).start()
devices = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox", *devices])
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/index.html")
    kind, played, content = page.evaluate(RECORD)
    print("chromium", browser.version, kind)
    browser.close()
voice = base64.b64decode(content)
Path("voice.mp4").write_bytes(voice)
movie, media = unit_and_duration(voice, b"mvhd"), unit_and_duration(voice, b"mdhd")
mutagen_s = MP4("voice.mp4").info.length
node_s = float(subprocess.run(["node", "length.mjs"], capture_output=True, text=True, check=True).stdout)
media_info_s = MediaInfo.parse("voice.mp4").audio_tracks[0].duration / 1000
print("mvhd (unit, duration):", movie, " mdhd:", media)
print(f"seconds: player {played}, MediaInfo {media_info_s}, ", end="")
print(f"mutagen {version('mutagen')} {mutagen_s:.3f}, music-metadata {node_s:.3f}")
assert played > 1.5 and media_info_s > 1.5
assert movie[0] == 1000 and media == (48000, movie[1]), "mdhd has its own unit now: this finding is out of date"
blink = media[1] / media[0]
assert abs(mutagen_s - blink) < 0.01 and abs(node_s - blink) < 0.01, "they count elsewhere: this finding is out of date"
EOF
