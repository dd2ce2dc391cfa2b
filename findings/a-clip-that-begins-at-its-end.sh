#!/usr/bin/env bash
# mutagen 1.48.1, music-metadata 12.1.0, PyAV 18.1.0, Chromium 156: ten seconds cut out of twenty are twenty seconds long.
#
# A good guess: a voice message that was cut out of a longer recording without encoding it again (ffmpeg's `-c copy`,
# any remuxer, a recorder that joins a stream which runs already) is as long as what is in it, and plays from zero.
# What happens: in Ogg Opus a page says at which sample of the whole recording it ends, and RFC 7845 lets the first one
# begin anywhere: whoever wants the length has to subtract where it began. Of ten seconds that were cut at ten,
# mutagen, tinytag 2.3.2, music-metadata and PyAV (FFmpeg) say 20; libsndfile (soundfile 0.14.0) says 9.98. Chromium's
# <audio> says 20 as well, and its `currentTime` is 10.01 from the first data on, without a seek: a player that divides
# it by the length of the message begins with a full bar, and a click into its middle goes to the beginning.
# `decodeAudioData` has 9.98 seconds.
# For users: a message that looks heard before it is, a limit of length or a price by the minute that counts what was
# cut off. Subtract `currentTime` at `loadeddata` when playing; decode, or read the first page, for the length.
# Source: https://www.rfc-editor.org/rfc/rfc7845#section-4.3 and section 4.5 (PCM sample position, streams that were
# cut); https://github.com/zeroclaw-labs/zeroclaw/pull/10627 (2026: voice notes with the length of their source).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check av==18.1.0 numpy==2.4.6 mutagen==1.48.1 tinytag==2.3.2 \
    soundfile==0.14.0 playwright==1.65.2
npm install --silent --no-fund --no-audit --prefix "$here" music-metadata@12.1.0 >/dev/null
cat >"$here/length.mjs" <<'EOM'
import { parseFile } from "music-metadata";
console.log((await parseFile(process.argv[2], { duration: true })).format.duration);
EOM
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'PYTHON'
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import numpy
import soundfile
from mutagen.oggopus import OggOpus
from playwright.sync_api import sync_playwright
from tinytag import TinyTag

RATE, FRAME, SECONDS, CUT_AT = 48_000, 960, 20, 10
PLAY = """async (url) => {
  const audio = new Audio();
  const loaded = new Promise((resolve) => (audio.onloadeddata = resolve));
  audio.src = url;
  await loaded;
  const times = [audio.currentTime];
  audio.currentTime = 5;
  await new Promise((resolve) => (audio.onseeked = resolve));
  const bytes = await (await fetch(url)).arrayBuffer();
  const decoded = await new OfflineAudioContext(1, 48_000, 48_000).decodeAudioData(bytes);
  return { length: audio.duration, times: [...times, audio.currentTime], decoded: decoded.duration };
}"""


def record(path):
    wave = (0.3 * 32767 * numpy.sin(2 * numpy.pi * 220 * numpy.arange(RATE * SECONDS) / RATE)).astype(numpy.int16)
    with av.open(path, "w", format="ogg") as file:
        stream = file.add_stream("libopus", rate=RATE, layout="mono")
        for at in range(0, len(wave), FRAME):
            frame = av.AudioFrame.from_ndarray(wave[None, at : at + FRAME], format="s16", layout="mono")
            frame.sample_rate, frame.pts = RATE, at
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))


def cut(source, path):
    """Copy what comes after CUT_AT, with its times."""
    with av.open(source) as read, av.open(path, "w", format="ogg") as written:
        stream = written.add_stream_from_template(read.streams.audio[0])
        for packet in read.demux(read.streams.audio[0]):
            if packet.pts is not None and packet.pts >= CUT_AT * RATE:
                packet.stream = stream
                written.mux(packet)


def lengths(path):
    ran = subprocess.run(["node", "length.mjs", path], capture_output=True, text=True, check=True)
    with av.open(path) as file:
        by_av = file.duration / 1_000_000
    found = {"mutagen": OggOpus(path).info.length, "tinytag": TinyTag.get(path).duration, "PyAV": by_av}
    found |= {"music-metadata": float(ran.stdout), "soundfile": soundfile.info(path).duration}
    return {name: round(each, 2) for name, each in found.items()}


class Files(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.path[1:])
        body = path.read_bytes() if path.suffix == ".ogg" else b""
        asked = re.match(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        start, end = (int(asked[1]), int(asked[2] or len(body) - 1)) if asked else (0, len(body) - 1)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Type", "audio/ogg" if body else "text/html")
        self.send_header("Accept-Ranges", "bytes")
        if asked:
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(body)}")
        self.send_header("Content-Length", str(end - start + 1))
        self.end_headers()
        try:
            self.wfile.write(body[start : end + 1])
        except ConnectionError:
            pass  # the browser has what it needs

    def log_message(self, *_):
        pass


record("whole.ogg")
cut("whole.ogg", "cut.ogg")
found = {path: lengths(path) for path in ("whole.ogg", "cut.ogg")}
server = ThreadingHTTPServer(("127.0.0.1", 0), Files)
server.handle_error = lambda *_: None
threading.Thread(target=server.serve_forever, daemon=True).start()
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    print("chromium", browser.version, "FFmpeg", av.ffmpeg_version_info)
    page = browser.new_page()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    played = {path: page.evaluate(PLAY, path) for path in found}
    browser.close()
for path in found:
    print(path, found[path], "browser", played[path])
twenty = dict.fromkeys(("mutagen", "tinytag", "music-metadata", "soundfile"), 20) | {"PyAV": 20.01}
assert found["whole.ogg"] == twenty
assert found["cut.ogg"] == twenty | {"soundfile": 9.98}, "lengths are read otherwise now: this finding is out of date"
whole, clip = played["whole.ogg"], played["cut.ogg"]
assert whole["times"] == [0, 5]
assert whole["length"] == clip["length"] == 20.0065
assert (whole["decoded"], clip["decoded"]) == (20, 9.98)
assert clip["times"] == [10.0135, 10.0135], "the browser plays it otherwise now: this finding is out of date"
PYTHON
