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

/** A call with Bob, of whom only this device's offers go on; `offers` are their payloads. */
function callWithBob(request: () => Promise<void> = async () => undefined) {
  vi.useFakeTimers();
  vi.stubGlobal("RTCPeerConnection", OfferingConnection);
  vi.stubGlobal("addEventListener", () => undefined);
  vi.stubGlobal("removeEventListener", () => undefined);
  const offers: { offer?: string }[] = [];
  let hear: (event: { data: unknown }) => void = () => undefined;
  const engine = {
    on: (_: string, heard: typeof hear) => {
      hear = heard;
      return () => undefined;
    },
    request: async (_: string, signal: { payload: { offer?: string } }) => (offers.push(signal.payload), request()),
    api: { get: async () => ({ items: [] }), post: async () => ({}) },
    calls: { put: () => undefined },
    status: { get: () => ({ phase: "live" }) },
  } as unknown as Engine;
  const joined = { call: { id: "cal_1" }, peers: ["bob"], polite_towards: [], ice_servers: [], last_signal: 0 } as unknown as Schemas["Joined"];
  const media = { getTracks: () => [] } as unknown as MediaStream;
  const session = new CallSession(engine, joined, media, null, () => undefined);
  let signals = 0;
  const answer = async (offer?: string) => {
    hear({ data: { call_id: "cal_1", n: ++signals, from: "bob", kind: "answer", payload: { life: "his", description: { type: "answer" }, ...(offer ? { offer } : {}) } } });
    await vi.advanceTimersByTimeAsync(0);
  };
  const pc = OfferingConnection.last;
  return { offers, session, answer, pc, offer: pc.onnegotiationneeded, wait: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
}

test("an offer without an answer is repeated, until one comes", async () => {
  const { offers, session, answer, pc, offer, wait } = callWithBob();
  await offer();
  await wait(1_000);
  expect(offers).toHaveLength(1);
  await wait(10_000);
  expect(offers).toHaveLength(2);
  expect(offers[1]).toEqual(offers[0]);
  await answer(offers[0]!.offer);
  await answer(offers[0]!.offer); // the repeated offer was answered, too
  await wait(20_000);
  expect(offers).toHaveLength(2);
  expect(pc.answered).toEqual(["answer"]);
  session.close();
});

test("a late answer to an earlier offer is not taken as one to the present offer", async () => {
  const { offers, session, answer, pc, offer, wait } = callWithBob();
  await offer();
  await wait(11_000);
  await answer(offers[0]!.offer);
  await offer(); // restarts ICE
  await wait(0);
  await answer(offers[1]!.offer);
  expect([pc.signalingState, pc.answered.length]).toEqual(["have-local-offer", 1]);
  await answer(offers[2]!.offer);
  expect([pc.signalingState, pc.answered.length]).toEqual(["stable", 2]);
  session.close();
});

test("an answer that does not say to which offer, as of an earlier version, counts", async () => {
  const { session, answer, pc, offer } = callWithBob();
  await offer();
  await answer();
  expect(pc.signalingState).toBe("stable");
  session.close();
});

test("an offer that was only just made is not repeated", async () => {
  const { offers, session, offer, wait } = callWithBob();
  await wait(9_950);
  await offer();
  await wait(100);
  expect(offers).toHaveLength(1);
  await wait(10_000);
  expect(offers).toHaveLength(2);
  session.close();
});

test("an offer that waits for the network is not repeated before it has gone", async () => {
  let online = () => undefined as void;
  const { offers, session, offer, wait } = callWithBob(() => new Promise((done) => (online = done)));
  await offer();
  await wait(60_000);
  online();
  await wait(1_000);
  expect(offers).toHaveLength(1);
  await wait(10_000);
  expect(offers).toHaveLength(2);
  session.close();
});
