/** Quality of calls from WebRTC statistics: measurements for the operator, and a grade for the person. */

/** Totals of a connection at one moment, from its RTCStats. */
export interface Counted {
  readonly at: number; // ms
  readonly rttMs: number;
  readonly jitterMs: number;
  readonly received: number; // packets
  readonly lost: number;
  readonly bytes: number;
}
/** A measurement between two moments, in the fields of `POST /calls/{id}/quality`. */
export interface Measured {
  readonly rtt_ms: number;
  readonly jitter_ms: number;
  readonly packet_loss: number; // percent
  readonly bitrate_kbps: number;
}
export type Grade = "good" | "fair" | "poor";

/** Sound received so far: total audio energy (relative to full scale, squared) and seconds, as in RTCStats. */
export interface Sound {
  readonly energy: number;
  readonly seconds: number;
}

interface Stat {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** The totals of a connection's received streams, and its round-trip time. */
export function counted(stats: Iterable<Stat>, at: number): Counted {
  let [rttMs, jitterMs, received, lost, bytes] = [0, 0, 0, 0, 0];
  const number = (stat: Stat, field: string) => Number(stat[field] ?? 0);
  for (const each of stats) {
    if (each.type === "candidate-pair" && each.nominated) rttMs = Math.max(rttMs, number(each, "currentRoundTripTime") * 1000);
    if (each.type !== "inbound-rtp") continue;
    jitterMs = Math.max(jitterMs, number(each, "jitter") * 1000);
    received += number(each, "packetsReceived");
    lost += Math.max(0, number(each, "packetsLost"));
    bytes += number(each, "bytesReceived");
  }
  return { at, rttMs, jitterMs, received, lost, bytes };
}

/** The sound of a connection's received streams. Totals, since the level at one moment misses words between samples. */
export function soundOf(stats: Iterable<Stat>): Sound {
  let [energy, seconds] = [0, 0];
  for (const each of stats) {
    if (each.type !== "inbound-rtp" || each.kind !== "audio") continue;
    energy += Number(each.totalAudioEnergy ?? 0);
    seconds += Number(each.totalSamplesDuration ?? 0);
  }
  return { energy, seconds };
}

/** The loudness between two samples, from 0 to 1. */
export function loudness(before: Sound, after: Sound): number {
  const seconds = after.seconds - before.seconds;
  return seconds <= 0 ? 0 : Math.sqrt(Math.max(0, after.energy - before.energy) / seconds);
}

/** The measurement between two samples. Differences are at least 0, since counters restart with the connection. */
export function between(before: Counted, after: Counted): Measured {
  const [received, lost, bytes] = [after.received - before.received, after.lost - before.lost, after.bytes - before.bytes].map((each) =>
    Math.max(0, each),
  ) as [number, number, number];
  const seconds = Math.max(0.001, (after.at - before.at) / 1000);
  return {
    rtt_ms: Math.round(after.rttMs),
    jitter_ms: Math.round(after.jitterMs),
    packet_loss: received + lost === 0 ? 0 : Math.round((1000 * lost) / (received + lost)) / 10,
    bitrate_kbps: Math.round((bytes * 8) / 1000 / seconds),
  };
}

/** The worst values of several connections, and the sum of their bit rates. */
export function worst(all: readonly Measured[]): Measured {
  const most = (field: keyof Measured) => Math.max(0, ...all.map((each) => each[field]));
  return {
    rtt_ms: most("rtt_ms"),
    jitter_ms: most("jitter_ms"),
    packet_loss: most("packet_loss"),
    bitrate_kbps: all.reduce((sum, each) => sum + each.bitrate_kbps, 0),
  };
}

/**
 * The grade of a measurement. The limits of `poor` (ITU-T G.114: 400 ms) equal the server's
 * (functions/calls/quality.py).
 */
export function grade({ rtt_ms, jitter_ms, packet_loss }: Measured): Grade {
  if (rtt_ms > 400 || jitter_ms > 50 || packet_loss > 5) return "poor";
  return rtt_ms > 250 || jitter_ms > 30 || packet_loss > 2 ? "fair" : "good";
}
