/**
 * One call of this device: media, peer connections by perfect negotiation (WebRTC 1.0, section 10.7), signals in the
 * order of their numbers. Signals go by the socket, and over HTTP where there is none.
 */
import type { Call, Engine, EventOf, Schemas } from "../engine";

const HEARTBEAT_MS = 10_000;
const POLL_MS = 1_000;

type Signal = NonNullable<EventOf<"call.signal">["data"]>;
type Joined = Schemas["Joined"];
type Kind = "offer" | "answer" | "ice";
/** What our clients put into a signal. `life` tells a reloaded page from the one before. */
interface Payload {
  life: string;
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
}
interface Peer {
  readonly pc: RTCPeerConnection;
  life: string | undefined;
  making: boolean;
  ignoring: boolean;
}

export class CallSession {
  readonly callId: string;
  readonly #engine: Engine;
  readonly #joined: Joined;
  readonly #changed: () => void;
  readonly #life = crypto.randomUUID();
  readonly #peers = new Map<string, Peer>();
  readonly #polite: ReadonlySet<string>;
  readonly #sent = new Map<string, Promise<unknown>>();
  readonly #ends: (() => void)[] = [];
  readonly streams = new Map<string, MediaStream>();
  readonly local: MediaStream;
  #last: number;
  #taken: Promise<void> = Promise.resolve();

  constructor(engine: Engine, joined: Joined, local: MediaStream, changed: () => void) {
    this.#engine = engine;
    this.#joined = joined;
    this.#changed = changed;
    this.local = local;
    this.callId = joined.call.id;
    this.#last = joined.last_signal;
    this.#polite = new Set(joined.polite_towards);
    const beat = setInterval(() => void this.#beat(), HEARTBEAT_MS);
    const poll = setInterval(() => engine.status.get().phase !== "live" && void this.#fetchSignals(), POLL_MS);
    this.#ends.push(
      () => clearInterval(beat),
      () => clearInterval(poll),
      engine.on("call.signal", ({ data }) => data?.call_id === this.callId && this.#inOrder(data)),
    );
    for (const peer of joined.peers) this.#peer(peer, true);
    void this.#fetchSignals(); // what came between joining and now
  }

  async setMedia(media: { audio: boolean; video: boolean }): Promise<void> {
    for (const track of this.local.getAudioTracks()) track.enabled = media.audio;
    for (const track of this.local.getVideoTracks()) track.enabled = media.video;
    this.#changed();
    const body = { ...media, screen: false };
    this.#engine.calls.put(await this.#engine.api.put("/calls/{call_id}/media-state", { path: { call_id: this.callId }, body }));
  }

  /** Who has left is let go of. */
  update(call: Call): void {
    for (const each of call.participants) if (each.state !== "joined") this.#drop(each.participant_id);
  }

  close(): void {
    for (const end of this.#ends) end();
    for (const peer of [...this.#peers.keys()]) this.#drop(peer);
    for (const track of this.local.getTracks()) track.stop();
  }

  async #beat(): Promise<void> {
    try {
      this.#engine.calls.put(await this.#engine.api.post("/calls/{call_id}/heartbeat", { path: { call_id: this.callId } }));
    } catch {
      // The next one comes soon; when the call is over its event says so.
    }
  }

  #drop(id: string): void {
    this.#peers.get(id)?.pc.close();
    this.#peers.delete(id);
    if (this.streams.delete(id)) this.#changed();
  }

  // --- signals: to each peer one after the other

  #signal(to: string, kind: Kind, payload: Payload): void {
    const fields = { to, kind, payload: payload as never };
    const overHttp = () =>
      this.#engine.api.post("/calls/{call_id}/signals", { path: { call_id: this.callId }, body: fields });
    const sent = (this.#sent.get(to) ?? Promise.resolve())
      .then(() => this.#engine.request("signal", { call_id: this.callId, ...fields }).catch(overHttp))
      .catch(() => undefined); // the connection's own state shows that it does not come about
    this.#sent.set(to, sent);
  }

  #inOrder(signal: Signal): void {
    if (signal.n <= this.#last) return;
    if (signal.n > this.#last + 1) {
      void this.#fetchSignals();
      return;
    }
    this.#last = signal.n;
    this.#taken = this.#taken.then(() => this.#act(signal)).catch(() => undefined);
  }

  async #fetchSignals(): Promise<void> {
    const { items } = await this.#engine.api.get("/calls/{call_id}/signals", {
      path: { call_id: this.callId },
      query: { after: this.#last },
    });
    const first = items[0];
    if (first && first.n > this.#last + 1) this.#last = first.n - 1; // older ones are gone for good
    for (const each of items) this.#inOrder({ ...each, call_id: this.callId } as Signal);
  }

  // --- peer connections

  #peer(id: string, offering: boolean): Peer {
    const pc = new RTCPeerConnection({ iceServers: this.#joined.ice_servers as RTCIceServer[] });
    const peer: Peer = { pc, life: undefined, making: false, ignoring: false };
    this.#peers.set(id, peer);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.#signal(id, "ice", { life: this.#life, candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => pc.connectionState === "failed" && pc.restartIce();
    pc.ontrack = ({ streams: [stream] }) => {
      if (!stream) return;
      this.streams.set(id, stream);
      this.#changed();
    };
    pc.onnegotiationneeded = async () => {
      peer.making = true;
      try {
        await pc.setLocalDescription();
        if (pc.localDescription) this.#signal(id, "offer", { life: this.#life, description: pc.localDescription.toJSON() });
      } finally {
        peer.making = false;
      }
    };
    if (offering) this.#send(pc);
    return peer;
  }

  #send(pc: RTCPeerConnection): void {
    if (pc.getSenders().some((each) => each.track)) return;
    for (const track of this.local.getTracks()) pc.addTrack(track, this.local);
  }

  async #act({ from, kind, payload }: Signal): Promise<void> {
    const { life, description, candidate } = payload as unknown as Payload;
    let peer = this.#peers.get(from);
    if (kind === "offer" && (!peer || (peer.life !== undefined && peer.life !== life))) {
      if (peer) this.#drop(from); // it was reloaded
      peer = this.#peer(from, false);
    }
    if (!peer || (peer.life !== undefined && peer.life !== life)) return;
    const { pc } = peer;
    if (kind === "ice") {
      try {
        await pc.addIceCandidate(candidate);
      } catch (error) {
        if (!peer.ignoring) throw error;
      }
      return;
    }
    const collides = kind === "offer" && (peer.making || pc.signalingState !== "stable");
    peer.ignoring = collides && !this.#polite.has(from);
    if (peer.ignoring || !description) return;
    peer.life = life;
    await pc.setRemoteDescription(description);
    if (kind !== "offer") return;
    this.#send(pc);
    await pc.setLocalDescription();
    if (pc.localDescription) this.#signal(from, "answer", { life: this.#life, description: pc.localDescription.toJSON() });
  }
}
