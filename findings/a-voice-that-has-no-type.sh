#!/usr/bin/env bash
# puremagic 1.30, filetype 1.2.0 (PyPI), magic-bytes.js 1.13.1 (npm): an MP3 of music has a type, one of a voice none.
#
# A good guess: MP3 is one format, so a library of signatures knows all of it or none; whoever tries it with a song, or
# a file with a tag (ID3) before the sound, has tried it.
# What happens: sound for the ear of 32 kHz and more is MPEG 1, and begins with FF FB. Voices have fewer samples: 16, 22
# or 24 kHz are MPEG 2, FF F3, and 8 to 12 kHz, as of telephone calls and dictation, MPEG 2.5, FF E3. Programs that
# speak (text to speech) and recorders write these, without a tag. puremagic, of which pip on Python 3.11 has 1.30 as
# the newest, names neither (an empty list, or an error), filetype and magic-bytes.js the first alone. The sound is
# well: Chromium decodes all three. file-type 22.3.0 (npm) names all.
# For users: an upload that is checked by its bytes is refused as "not what it says" whenever it is a dictation or a
# recorded call, and never when it is a song. Read the eleven bits of the sync word, and the version, the layer and the
# two rates behind it.
# Source: ISO/IEC 11172-3, 2.4.1.3 and ISO/IEC 13818-3, 2.4.2.3 (header of a frame);
# https://github.com/cdgriffith/puremagic/pull/122 (December 2025, for 2.0, which needs Python 3.12) and /pull/128;
# https://github.com/NousResearch/hermes-agent/issues/57048 (July 2026: speech of Edge is MPEG layer III).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check \
    av==18.1.0 filetype==1.2.0 numpy==2.4.6 playwright==1.65.2 puremagic==1.30
npm install --silent --no-fund --no-audit --prefix "$here" file-type@22.3.0 magic-bytes.js@1.13.1 >/dev/null
cat >"$here/name.mjs" <<'EOF'
import { readFileSync } from "node:fs";
import { fileTypeFromBuffer } from "file-type";
import magic from "magic-bytes.js";
const names = [];
for (const file of process.argv.slice(2)) {
  const bytes = readFileSync(file);
  const [first] = magic.filetypeinfo(bytes);
  names.push([first?.mime ?? null, (await fileTypeFromBuffer(bytes))?.mime ?? null]);
}
console.log(JSON.stringify(names));
EOF
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import base64
import json
import subprocess
import sys
from pathlib import Path

import av
import filetype
import numpy
import puremagic
from playwright.sync_api import sync_playwright

HEADS = {44_100: "fffb", 24_000: "fff3", 8_000: "ffe3"}  # samples a second
SECONDS = """async (address) => {
  const bytes = await (await fetch(address)).arrayBuffer();
  return (await new OfflineAudioContext(1, 1, 44100).decodeAudioData(bytes)).duration;
}"""


def record(rate):
    """A second of a tone as MP3 without a tag before it."""
    name, tone = f"{rate}.mp3", numpy.sin(numpy.arange(rate) / 20) * 9_000
    with av.open(name, "w", options={"id3v2_version": "0", "write_xing": "0"}) as container:
        stream = container.add_stream("mp3", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone.astype(numpy.int16).reshape(1, -1), format="s16", layout="mono")
        frame.rate = rate
        for each in av.AudioResampler(format=stream.format, layout="mono", rate=rate).resample(frame):
            container.mux(stream.encode(each))
        container.mux(stream.encode(None))
    return name


def by_puremagic(name):
    try:
        return next((match.mime_type for match in puremagic.magic_string(Path(name).read_bytes())), None)
    except puremagic.PureError:
        return None


names = {rate: record(rate) for rate in HEADS}
listed = subprocess.run(["node", "name.mjs", *names.values()], capture_output=True, check=True)
npm = json.loads(listed.stdout)
MP3, outdated = "audio/mpeg", "they name other sounds: this finding is out of date"
with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=sys.argv[1], args=["--no-sandbox"])
    page = browser.new_page()
    page.goto("data:text/html,ear")
    print("Chromium", browser.version)
    for (rate, head), (magic_bytes, file_type) in zip(HEADS.items(), npm, strict=True):
        content = Path(names[rate]).read_bytes()
        heard = page.evaluate(SECONDS, f"data:audio/mpeg;base64,{base64.b64encode(content).decode()}")
        pure, guessed = by_puremagic(names[rate]), filetype.guess_mime(names[rate])
        print(f"{rate} Hz, {content[:2].hex()}, Chromium hears {heard:.1f} s:", end=" ")
        print(f"puremagic {pure}, filetype {guessed}, magic-bytes.js {magic_bytes}, file-type {file_type}")
        assert content[:2].hex() == head and file_type == MP3 and heard > 0.9
        assert pure == (MP3 if rate == 44_100 else None), outdated
        assert guessed == magic_bytes == (None if rate == 8_000 else MP3), outdated
    browser.close()
EOF
