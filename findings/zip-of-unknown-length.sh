#!/usr/bin/env bash
# unzipper 0.12.5 (npm): `Parse` ends with "invalid signature" after the first file of a ZIP written as a stream.
#
# A good guess: a download of many files, zipped while it is sent, has small files and needs nothing of ZIP64, so every
# reader that takes streams takes it. The lengths stand after the data (a data descriptor), which is old and usual.
# What happens: a writer that does not know how long a file will be has to allow for more than 4 GB, so zipstream-ng
# 1.9.3 and stream-zip 0.0.84 write the lengths with eight bytes each, as the ZIP64 field of the local header makes
# them. `Parse` takes sixteen bytes for each descriptor and reads the rest of the twenty-four as the next header: the
# "signature" in its error is the length of the file before. The same library's `Open.buffer`, Python's zipfile and
# stream-unzip read all; with lengths known beforehand zipstream-ng writes four bytes each, and `Parse` reads it.
# For users: an export of a conversation that opens on every desktop cannot be imported by a Node service, and the error
# names a damaged file. Read the directory at the end (`Open`), or give lengths when writing.
# Source: PKWARE APPNOTE.TXT, 4.3.9.1 and 4.3.9.2 (eight bytes each with a ZIP64 field); unzipper, lib/parse.js
# (_processDataDescriptor); the same in a sister library, https://github.com/mhr3/unzip-stream/issues/50.
set -euo pipefail
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check zipstream-ng==1.9.3 stream-zip==0.0.84 stream-unzip==0.0.101
npm install --silent --no-fund --no-audit --prefix "$here" unzipper@0.12.5 >/dev/null
cat >"$here/read.mjs" <<'EOF'
import { createReadStream, readFileSync } from "node:fs";
import unzipper from "unzipper";
async function parsed(name) {
  const lengths = [];
  try {
    const entries = createReadStream(name).pipe(unzipper.Parse({ forceStream: true }));
    for await (const entry of entries) lengths.push((await entry.buffer()).length);
    return lengths;
  } catch (error) {
    return error.message;
  }
}
for (const name of process.argv.slice(2)) {
  const { files } = await unzipper.Open.buffer(readFileSync(name));
  const opened = await Promise.all(files.map(async (each) => (await each.buffer()).length));
  console.log(JSON.stringify([await parsed(name), opened]));
}
EOF
cd "$here"
venv/bin/python - <<'EOF'
import json
import subprocess
import zipfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from stream_unzip import stream_unzip
from stream_zip import ZIP_64, stream_zip
from zipstream import ZipStream

FILES = {"photo.txt": b"hello world " * 1000, "notes.txt": b"second"}
LENGTHS = [12000, 6]


def in_pieces(content: bytes) -> Iterator[bytes]:
    yield content[: len(content) // 2]
    yield content[len(content) // 2 :]


def zipstream(known: bool) -> Iterator[bytes]:
    archive = ZipStream(compress_type=zipfile.ZIP_DEFLATED)
    for name, content in FILES.items():
        archive.add(content if known else in_pieces(content), name)
    return iter(archive)


streamed = [(name, datetime(2026, 1, 1), 0o644, ZIP_64, in_pieces(each)) for name, each in FILES.items()]
archives = {"known.zip": zipstream(True), "zipstream.zip": zipstream(False), "stream-zip.zip": stream_zip(streamed)}
for name, chunks in archives.items():
    Path(name).write_bytes(b"".join(chunks))
    with zipfile.ZipFile(name) as archive:
        assert archive.testzip() is None and [each.file_size for each in archive.infolist()] == LENGTHS
    assert [sum(map(len, each)) for _, _, each in stream_unzip([Path(name).read_bytes()])] == LENGTHS
ran = subprocess.run(["node", "read.mjs", *archives], capture_output=True, text=True, check=True)
seen = dict(zip(archives, map(json.loads, ran.stdout.splitlines()), strict=True))
for name, (parsed, opened) in seen.items():
    print(f"{name:15} unzipper.Parse: {parsed}, Open: {opened}")
assert seen["known.zip"] == [LENGTHS, LENGTHS]
assert seen["zipstream.zip"] == seen["stream-zip.zip"] == [f"invalid signature: {LENGTHS[0]:#x}", LENGTHS]
EOF
