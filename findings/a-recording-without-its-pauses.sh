#!/usr/bin/env bash
# aiortc 1.16.0 with Chromium 156: a call of eight seconds, five of them silent, is a recording of less than four.
#
# A good guess: who records a call by MediaRecorder of aiortc has a file as long as the call. `usedtx=1` (no packets in
# silence), with which a receiver of Opus saves most of a listener's traffic, changes how silence comes and not how long
# it lasts.
# What happens: without packets there are no frames, and the recorder writes the frames that it has, one after another.
# In a WAV the pause is gone: nothing there says when a frame was. In Ogg the frames have their times and players wait,
# but whoever decodes them one after another, as for a speech recogniser, gets the short sound again. Without `usedtx`
# all is well, and so it is in a test whose microphone is a tone.
# For users: of two recorded people each has their own clock: answers come before questions, subtitles and the minutes
# of a meeting have wrong times, and the more somebody listens the more. Fill the gaps between the frames' `pts` with
# silence before they are written, or do not ask for `usedtx` in calls that are recorded.
# Source: https://www.rfc-editor.org/rfc/rfc7587#section-3.1.3 (DTX) and section 6.1 (usedtx);
# https://github.com/aiortc/aiortc/issues/168 (2019: a gap of packets is a gap of pts); aiortc/contrib/media.py
# (MediaRecorder); the same in other recorders: https://github.com/pion/webrtc/issues/3141 and
# https://github.com/bigbluebutton/bigbluebutton/issues/25259 (June 2026).
set -euo pipefail
command -v chromium >/dev/null || { echo "needs Debian's package chromium" >&2; exit 2; }
here=$(mktemp -d)
trap 'rm -rf "$here"' EXIT
python3 -m venv "$here/venv"
"$here/venv/bin/pip" install -q --disable-pip-version-check aiortc==1.16.0 av==18.1.0 playwright==1.65.2
cd "$here"
venv/bin/python - "$(command -v chromium)" <<'EOF'
import asyncio
import re
import sys

import aiortc
import av
from aiortc.contrib.media import MediaRecorder
from playwright.async_api import async_playwright

SPOKEN_S, SILENT_S = 1.5, 5
OFFER = """async () => {
  const audio = new AudioContext(), tone = audio.createOscillator(), out = audio.createMediaStreamDestination();
  globalThis.volume = audio.createGain();
  tone.connect(volume).connect(out);
  tone.start();
  await audio.resume();
  globalThis.peer = new RTCPeerConnection();
  peer.addTrack(out.stream.getAudioTracks()[0], out.stream);
  await peer.setLocalDescription();
  while (peer.iceGatheringState !== "complete") await new Promise((later) => setTimeout(later, 50));
  return { sdp: peer.localDescription.sdp, type: "offer" };
}"""


async def record(browser, file, dtx):
    page = await browser.new_page()
    await page.goto("data:text/html,caller")
    peer, connected = aiortc.RTCPeerConnection(), asyncio.Event()
    recorder = MediaRecorder(file)
    peer.on("track", recorder.addTrack)
    peer.on("connectionstatechange", lambda: peer.connectionState == "connected" and connected.set())
    await peer.setRemoteDescription(aiortc.RTCSessionDescription(**await page.evaluate(OFFER)))
    await peer.setLocalDescription(await peer.createAnswer())
    sdp = peer.localDescription.sdp
    opus = re.search(r"a=rtpmap:(\d+) opus", sdp)[1]
    if dtx:
        sdp = re.sub(rf"(a=rtpmap:{opus} .*\r\n)(a=fmtp:{opus} .*\r\n)?", rf"\1a=fmtp:{opus} usedtx=1\r\n", sdp)
    await page.evaluate("(answer) => peer.setRemoteDescription(answer)", {"sdp": sdp, "type": "answer"})
    await asyncio.wait_for(connected.wait(), 30)
    await recorder.start()
    for volume, seconds in ((1, SPOKEN_S), (0, SILENT_S), (1, SPOKEN_S)):
        await page.evaluate("(level) => (volume.gain.value = level)", volume)
        await asyncio.sleep(seconds)
    await recorder.stop()
    await peer.close()
    await page.close()
    with av.open(file) as container:
        frames = list(container.decode(audio=0))
    decoded = sum(frame.samples / frame.sample_rate for frame in frames)
    shown = frames[-1].time + frames[-1].samples / frames[-1].sample_rate
    print(f"{file:16} decoded to {decoded:.1f} s, last frame ends at {shown:.1f} s")
    return decoded, shown


async def main():
    async with async_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        arguments.append("--disable-features=WebRtcHideLocalIpsWithMdns")
        browser = await playwright.chromium.launch(executable_path=sys.argv[1], args=arguments)
        print("chromium", browser.version, "aiortc", aiortc.__version__, "PyAV", av.__version__)
        seen = {name: await record(browser, name, "dtx" in name) for name in ("always.wav", "dtx.wav", "dtx.ogg")}
        await browser.close()
    whole, short = SILENT_S + 2 * SPOKEN_S - 1, SILENT_S
    outdated = "pauses are recorded now: this finding is out of date"
    assert min(seen["always.wav"]) > whole, seen
    assert max(seen["dtx.wav"]) < short, outdated
    assert seen["dtx.ogg"][0] < short < whole < seen["dtx.ogg"][1], outdated


asyncio.run(main())
EOF
