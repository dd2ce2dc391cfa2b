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
  configuration: RTCConfiguration;
  constructor(configuration: RTCConfiguration) {
    this.configuration = configuration;
    OfferingConnection.last = this;
  }
  getSenders = () => [];
  getStats = async () => new Map();
  close = () => undefined;
  setConfiguration = (configuration: RTCConfiguration) => void (this.configuration = configuration);
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
function callWithBob(request: () => Promise<void> = async () => undefined, iceServers: () => object = () => ({ ice_servers: [] })) {
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
    api: { get: async (path: string) => (path === "/calls/ice-servers" ? iceServers() : { items: [] }), post: async () => ({}) },
    calls: { put: () => undefined },
    status: { get: () => ({ phase: "live" }) },
  } as unknown as Engine;
  const joined = { call: { id: "cal_1" }, peers: ["bob"], polite_towards: [], ice_servers: [], last_signal: 0 } as unknown as Schemas["Joined"];
  const media = { getTracks: () => [] } as unknown as MediaStream;
  const session = new CallSession(engine, joined, media, null, () => undefined);
  let signals = 0;
  const signalled = async (signal: object) => {
    hear({ data: { call_id: "cal_1", n: ++signals, ...signal } });
    await vi.advanceTimersByTimeAsync(0);
  };
  const answer = (offer?: string) =>
    signalled({ from: "bob", kind: "answer", payload: { life: "his", description: { type: "answer" }, ...(offer ? { offer } : {}) } });
  const pc = OfferingConnection.last;
  return { offers, session, answer, signalled, pc, offer: pc.onnegotiationneeded, wait: (ms: number) => vi.advanceTimersByTimeAsync(ms) };
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

test("sound and picture of a peer collect candidates and relays for one transport", () => {
  const { session, pc } = callWithBob();
  expect(pc.configuration).toEqual({ iceServers: [], bundlePolicy: "max-bundle" });
  session.close();
});

test("TURN credentials are renewed in time, for connections that are there and for those to come", async () => {
  let asked = 0;
  const { session, pc, wait, signalled } = callWithBob(undefined, () => {
    if (++asked === 1) throw new Error("no network just now");
    return { ice_servers: [{ urls: ["turn:turn.example"], username: `${asked}` }] };
  });
  await wait(30 * 60_000);
  expect(pc.configuration.iceServers).toEqual([]);
  await wait(20_000); // the first attempt fails
  expect(pc.configuration).toEqual({ iceServers: [{ urls: ["turn:turn.example"], username: "2" }], bundlePolicy: "max-bundle" });
  await signalled({ from: "carol", kind: "offer", payload: { life: "hers" } });
  expect(OfferingConnection.last).not.toBe(pc);
  expect(OfferingConnection.last.configuration).toEqual(pc.configuration);
  await wait(29 * 60_000);
  expect(asked).toBe(2);
  session.close();
});
