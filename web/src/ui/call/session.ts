/**
 * One call of this device: media, peer connections by perfect negotiation (WebRTC 1.0, section 10.7), signals in the
 * order of their numbers. Signals go by the socket, and over HTTP where there is none.
 */
import type { Call, Engine, EventOf, Schemas } from "../../engine";
import { type Counted, type Grade, type Heard, type Measured, between, counted, grade, heard, loudness, worst } from "./measuring";
import { openTrack } from "./media";

const HEARTBEAT_MS = 10_000;
const POLL_MS = 1_000;
const MEASURE_MS = 5_000;
const REPORT_EVERY = 6; // measurements
const LISTEN_MS = 1_000;
const SPEAKS = 0.02; // of the loudest that a track can be
const GRACE_MS = 4_000; // a connection that is back by then needs no help
const GIVEN_UP_MS = 20_000; // no picture and no sound by then: the call has not come about

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
  measured: Counted | undefined;
  heard: Heard | undefined;
  grade: Grade;
}
/** What somebody sends: themselves, and what they show. */
export interface Shown {
  readonly person?: MediaStream;
  readonly screen?: MediaStream;
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
  readonly shown = new Map<string, Shown>();
  readonly local: MediaStream;
  readonly #began = performance.now();
  /** What this device shows of its screen. */
  screen: MediaStream | null = null;
  /** Who is heard most now. */
  speaker: string | null = null;
  #cameAfterMs: number | undefined;
  #settled = false; // whether it was told that the call came about, or did not
  #measurements = 0;
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
    const measure = setInterval(() => void this.#measure(), MEASURE_MS);
    const listen = setInterval(() => void this.#listen(), LISTEN_MS);
    const online = () => this.#restart();
    addEventListener("online", online);
    const poll = setInterval(() => engine.status.get().phase !== "live" && void this.#fetchSignals(), POLL_MS);
    this.#ends.push(
      () => clearInterval(beat),
      () => clearInterval(poll),
      () => clearInterval(measure),
      () => clearInterval(listen),
      () => removeEventListener("online", online),
      engine.on("call.signal", ({ data }) => data?.call_id === this.callId && this.#inOrder(data)),
    );
    for (const peer of joined.peers) this.#peer(peer, true);
    void this.#fetchSignals(); // what came between joining and now
  }

  async setMedia(media: { audio: boolean; video: boolean }): Promise<void> {
    for (const track of this.local.getAudioTracks()) track.enabled = media.audio;
    for (const track of this.local.getVideoTracks()) track.enabled = media.video;
    this.#changed();
    await this.#tellMedia();
  }

  /** Shows a screen or window that the person chooses; throws NotAllowedError when they choose none. */
  async share(): Promise<void> {
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: true });
    this.screen = screen;
    for (const track of screen.getTracks()) track.onended = () => void this.unshare(); // the browser's own button
    for (const { pc } of this.#peers.values()) this.#send(pc);
    this.#changed();
    await this.#tellMedia();
  }

  async unshare(): Promise<void> {
    const tracks = this.screen?.getTracks() ?? [];
    this.screen = null;
    for (const { pc } of this.#peers.values())
      for (const sender of pc.getSenders()) if (sender.track && tracks.includes(sender.track)) pc.removeTrack(sender);
    for (const track of tracks) track.stop();
    this.#changed();
    await this.#tellMedia();
  }

  /** Takes the microphone or camera that is chosen now, without a word to the others. */
  async change(kind: "audioinput" | "videoinput"): Promise<void> {
    const [before] = kind === "audioinput" ? this.local.getAudioTracks() : this.local.getVideoTracks();
    if (!before) return;
    const track = await openTrack(kind);
    track.enabled = before.enabled;
    const senders = [...this.#peers.values()].flatMap(({ pc }) => pc.getSenders()).filter((each) => each.track === before);
    await Promise.all(senders.map((each) => each.replaceTrack(track)));
    this.local.removeTrack(before);
    this.local.addTrack(track);
    before.stop();
    this.#changed();
  }

  /** How well somebody comes through: null while the connection is being made or made again. */
  gradeOf(id: string): Grade | null {
    const peer = this.#peers.get(id);
    return peer?.pc.connectionState === "connected" ? peer.grade : null;
  }

  async #tellMedia(): Promise<void> {
    const on = (tracks: MediaStreamTrack[]) => tracks.some((each) => each.enabled);
    const body = { audio: on(this.local.getAudioTracks()), video: on(this.local.getVideoTracks()), screen: this.screen !== null };
    this.#engine.calls.put(await this.#engine.api.put("/calls/{call_id}/media-state", { path: { call_id: this.callId }, body }));
  }

  /** Who has left is let go of. */
  update(call: Call): void {
    for (const each of call.participants) if (each.state !== "joined") this.#drop(each.participant_id);
  }

  close(): void {
    for (const end of this.#ends) end();
    for (const peer of [...this.#peers.keys()]) this.#drop(peer);
    for (const track of [...this.local.getTracks(), ...(this.screen?.getTracks() ?? [])]) track.stop();
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
    if (this.shown.delete(id)) this.#changed();
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
    const peer: Peer = { pc, life: undefined, making: false, ignoring: false, measured: undefined, heard: undefined, grade: "good" };
    this.#peers.set(id, peer);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.#signal(id, "ice", { life: this.#life, candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => {
      this.#changed();
      if (pc.connectionState === "connected") this.#cameAfterMs ??= performance.now() - this.#began;
      if (pc.connectionState === "failed") pc.restartIce();
      if (pc.connectionState === "disconnected") setTimeout(() => pc.connectionState === "disconnected" && pc.restartIce(), GRACE_MS);
    };
    pc.ontrack = ({ streams: [stream] }) => {
      if (!stream) return;
      const kind = stream.getAudioTracks().length > 0 ? "person" : "screen"; // nobody is there without a microphone
      this.shown.set(id, { ...this.shown.get(id), [kind]: stream });
      stream.onremovetrack = () => {
        const { [kind]: _, ...left } = this.shown.get(id) ?? {};
        if (stream.getTracks().length === 0) this.shown.set(id, left);
        this.#changed();
      };
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
    const sent = new Set(pc.getSenders().map((each) => each.track));
    for (const stream of [this.local, this.screen])
      for (const track of stream?.getTracks() ?? []) if (stream && !sent.has(track)) pc.addTrack(track, stream);
  }

  /** The network is another one or is back: each connection looks for its way anew (ICE restart). */
  #restart(): void {
    for (const { pc } of this.#peers.values()) if (pc.connectionState !== "new") pc.restartIce();
  }

  // --- how it goes

  async #listen(): Promise<void> {
    let [loudest, who]: [number, string | null] = [SPEAKS, null];
    for (const [id, peer] of this.#peers) {
      const now = heard([...(await peer.pc.getStats()).values()]);
      const level = peer.heard ? loudness(peer.heard, now) : 0;
      peer.heard = now;
      if (level > loudest) [loudest, who] = [level, id];
    }
    if (who === null || who === this.speaker) return; // who spoke last stays in view while nobody speaks
    this.speaker = who;
    this.#changed();
  }

  async #measure(): Promise<void> {
    const found: Measured[] = [];
    for (const peer of this.#peers.values()) {
      const stats = await peer.pc.getStats();
      const now = counted([...stats.values()], performance.now());
      if (peer.measured) {
        const measured = between(peer.measured, now);
        peer.grade = grade(measured);
        found.push(measured);
      }
      peer.measured = now;
    }
    if (found.length === 0) return;
    this.#changed();
    const first = this.#outcome(found.some((each) => each.bitrate_kbps > 0));
    if (first === null && ++this.#measurements % REPORT_EVERY !== 0) return;
    try {
      await this.#engine.api.post("/calls/{call_id}/quality", { path: { call_id: this.callId }, body: { ...worst(found), ...first } });
    } catch {
      // a figure less for the operator; the call goes on
    }
  }

  /** Once: that something came, or that nothing has come for too long. */
  #outcome(came: boolean): { setup_failed: true } | { setup_ms: number } | null {
    const passed = performance.now() - this.#began;
    if (this.#settled || (!came && passed < GIVEN_UP_MS)) return null;
    this.#settled = true;
    return came ? { setup_ms: Math.round(this.#cameAfterMs ?? passed) } : { setup_failed: true };
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
