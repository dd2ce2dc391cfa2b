import { expect, test } from "vitest";
import { between, counted, grade, loudness, soundOf, worst } from "./measuring";

const pair = { type: "candidate-pair", nominated: true, currentRoundTripTime: 0.042 };
const sound = { type: "inbound-rtp", kind: "audio", jitter: 0.004, packetsReceived: 90, packetsLost: 10, bytesReceived: 9_000 };
const picture = { type: "inbound-rtp", kind: "video", jitter: 0.012, packetsReceived: 900, packetsLost: 0, bytesReceived: 241_000 };

test("packets and bytes are summed up; of jitter and round-trip time the maximum counts", () => {
  expect(counted([pair, sound, picture, { type: "codec" }], 7)).toEqual({
    at: 7, rttMs: 42, jitterMs: 12, received: 990, lost: 10, bytes: 250_000,
  });
});

test("a measurement covers the time between two samples", () => {
  const before = counted([pair], 0);
  expect(between(before, counted([pair, sound, picture], 2_000))).toEqual({ rtt_ms: 42, jitter_ms: 12, packet_loss: 1, bitrate_kbps: 1000 });
});

test("a restarted connection, whose counters begin again, has no packet loss from that", () => {
  const after = counted([pair, { ...sound, packetsReceived: 10, packetsLost: 0, bytesReceived: 100 }], 2_000);
  expect(between(counted([sound, picture], 0), after)).toEqual({ rtt_ms: 42, jitter_ms: 4, packet_loss: 0, bitrate_kbps: 0 });
});

test("of several connections the worst values count, and the sum of their bit rates", () => {
  const one = { rtt_ms: 500, jitter_ms: 1, packet_loss: 0, bitrate_kbps: 100 };
  const other = { rtt_ms: 20, jitter_ms: 9, packet_loss: 3, bitrate_kbps: 50 };
  expect(worst([one, other])).toEqual({ rtt_ms: 500, jitter_ms: 9, packet_loss: 3, bitrate_kbps: 150 });
  expect(worst([])).toEqual({ rtt_ms: 0, jitter_ms: 0, packet_loss: 0, bitrate_kbps: 0 });
  expect([one, other, { ...other, packet_loss: 0 }].map(grade)).toEqual(["poor", "fair", "good"]);
});

test("sound between two samples counts, and a restarted connection is silent", () => {
  const at = (totalAudioEnergy: number, totalSamplesDuration: number) =>
    soundOf([{ ...sound, totalAudioEnergy, totalSamplesDuration }, { ...picture, totalAudioEnergy: 9, totalSamplesDuration: 9 }]);
  expect(loudness(at(1, 10), at(1.09, 11))).toBeCloseTo(0.3);
  expect(loudness(at(1, 10), at(1, 11))).toBe(0);
  expect(loudness(at(1, 10), at(0, 0))).toBe(0);
});
