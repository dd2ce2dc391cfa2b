import { afterEach, expect, test, vi } from "vitest";
import type { Engine, Schemas } from "../../engine";
import { CallSession } from "./session";

/** A peer connection that only offers; `answered` gets the descriptions that it takes. */
class OfferingConnection {
  static last: OfferingConnection;
  readonly answered: string[] = [];
  connectionState = "new";
  signalingState = "stable";
  localDescription: { toJSON: () => object } | null = null;
  onnegotiationneeded: () => Promise<void> = async () => undefined;
  constructor() {
    OfferingConnection.last = this;
  }
  getSenders = () => [];
  getStats = async () => new Map();
  close = () => undefined;
  async setLocalDescription(): Promise<void> {
    this.signalingState = "have-local-offer";
    this.localDescription = { toJSON: () => ({ type: "offer", sdp: "v=0" }) };
  }
  async setRemoteDescription({ type }: { type: string }): Promise<void> {
    if (this.signalingState !== "have-local-offer") throw new Error(`an ${type} in the state ${this.signalingState}`);
    this.answered.push(type);
    this.signalingState = "stable";
  }
}

afterEach(() => void vi.useRealTimers());

test("an offer without an answer is repeated, until one comes", async () => {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", OfferingConnection);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  const offers: unknown[] = [];
  let hear: (event: { data: unknown }) => void = () => undefined;
  const engine = {
    on: (_: string, heard: typeof hear) => {
      hear = heard;
      return () => undefined;
    },
    request: async (_: string, signal: { kind: string }) => void offers.push(signal.kind),
    api: { get: async () => ({ items: [] }), post: async () => ({}) },
    calls: { put: () => undefined },
    status: { get: () => ({ phase: "live" }) },
  } as unknown as Engine;
  const joined = { call: { id: "cal_1" }, peers: ["bob"], polite_towards: [], ice_servers: [], last_signal: 0 } as unknown as Schemas["Joined"];
  const media = { getTracks: () => [] } as unknown as MediaStream;
  const session = new CallSession(engine, joined, media, null, () => undefined);
  const answer = (n: number) => hear({ data: { call_id: "cal_1", n, from: "bob", kind: "answer", payload: { life: "his", description: { type: "answer" } } } });

  await OfferingConnection.last.onnegotiationneeded();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(offers).toEqual(["offer"]);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(offers).toEqual(["offer", "offer"]);
  answer(1);
  answer(2); // the repeated offer was answered, too
  await vi.advanceTimersByTimeAsync(20_000);
  expect(offers).toEqual(["offer", "offer"]);
  expect(OfferingConnection.last.answered).toEqual(["answer"]);
  session.close();
});
