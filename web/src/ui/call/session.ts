/**
 * One call on this device: media, peer connections by perfect negotiation (WebRTC 1.0, section 10.7), and signals,
 * which are handled in the order of their numbers. Signals are sent over the socket, or over HTTP without one.
 */
import type { Call, Engine, EventOf, Schemas } from "../../engine";
import { type Counted, type Grade, type Measured, type Sound, between, counted, grade, loudness, soundOf, worst } from "./measuring";
import { openTrack } from "./media";
import type { CallProtection } from "./protection";

const HEARTBEAT_MS = 10_000;
const OFFER_AGAIN_MS = 5_000; // an offer is repeated when it has gone so long ago
const POLL_MS = 1_000;
const MEASURE_MS = 5_000;
const REPORT_EVERY = 6; // measurements
const LISTEN_MS = 1_000;
const SPEAKING_LEVEL = 0.02; // relative to full scale
const DISCONNECTED_GRACE_MS = 4_000; // a connection that recovers within this time needs no ICE restart
const ICE_SERVERS_FOR_MS = 30 * 60_000; // half of the time for which a TURN server takes their credentials
const SETUP_TIMEOUT_MS = 20_000; // without received media by then the setup has failed

type Signal = NonNullable<EventOf<"call.signal">["data"]>;
type Joined = Schemas["Joined"];
type Kind = "offer" | "answer" | "ice";
/** The payload of a signal. `life` is unique per page load, which tells a reloaded page from the one before. */
interface Payload {
  life: string;
  description?: RTCSessionDescriptionInit;
  candidate?: RTCIceCandidateInit;
  /** Which offer this is, or answers; answers of earlier versions do not tell. */
  offer?: string | undefined;
}
interface Peer {
  readonly pc: RTCPeerConnection;
  life: string | undefined;
  /** The last offer; `sentAt` is Infinity while it waits to be sent. */
  offer: { readonly id: string; sentAt: number } | undefined;
  making: boolean;
  ignoring: boolean;
  measured: Counted | undefined;
  sound: Sound | undefined;
  grade: Grade;
}
/** A participant's streams: microphone and camera, and the shared screen. */
export interface Shown {
  readonly person?: MediaStream;
  readonly screen?: MediaStream;
}

export class CallSession {
  readonly callId: string;
  readonly #engine: Engine;
  /** Null in a conversation without end-to-end encryption. */
  readonly protection: CallProtection | null;
  readonly #changed: () => void;
  readonly #sessionId = crypto.randomUUID();
  readonly #peers = new Map<string, Peer>();
  readonly #polite: ReadonlySet<string>;
  readonly #signalQueues = new Map<string, Promise<unknown>>();
  readonly #ends: (() => void)[] = [];
  readonly shown = new Map<string, Shown>();
  readonly local: MediaStream;
  readonly #startedAt = performance.now();
  /** The screen that this device shares. */
  screen: MediaStream | null = null;
  /** The participant id of the loudest or last speaker. */
  speaker: string | null = null;
  #connectedAfterMs: number | undefined;
  #outcomeReported = false; // whether success or failure of the setup was reported
  #measurements = 0;
  #lastSignal: number;
  #iceServers: readonly RTCIceServer[];
  #iceServersSince = performance.now();
  #signalsHandled: Promise<void> = Promise.resolve();

  constructor(engine: Engine, joined: Joined, local: MediaStream, protection: CallProtection | null, changed: () => void) {
    this.#engine = engine;
    this.#iceServers = joined.ice_servers as RTCIceServer[];
    this.#changed = changed;
    this.local = local;
    this.protection = protection;
    this.callId = joined.call.id;
    this.#lastSignal = joined.last_signal;
    this.#polite = new Set(joined.polite_towards);
    const beat = setInterval(() => {
      void this.#heartbeat();
      this.#repeatOffers();
    }, HEARTBEAT_MS);
    const measure = setInterval(() => void this.#measure(), MEASURE_MS);
    const listen = setInterval(() => void this.#findSpeaker(), LISTEN_MS);
    const online = () => this.#restartIce();
    addEventListener("online", online);
    const poll = setInterval(() => engine.status.get().phase !== "live" && void this.#fetchSignals(), POLL_MS);
    this.#ends.push(
      () => clearInterval(beat),
      () => clearInterval(poll),
      () => clearInterval(measure),
      () => clearInterval(listen),
      () => removeEventListener("online", online),
      engine.on("call.signal", ({ data }) => data?.call_id === this.callId && this.#receiveSignal(data)),
    );
    for (const peer of joined.peers) this.#peer(peer, true);
    void this.#fetchSignals(); // signals sent since the join
  }

  async setMedia(media: { audio: boolean; video: boolean }): Promise<void> {
    for (const track of this.local.getAudioTracks()) track.enabled = media.audio;
    for (const track of this.local.getVideoTracks()) track.enabled = media.video;
    this.#changed();
    await this.#sendMediaState();
  }

  /** Shares a screen or window that the person chooses; throws NotAllowedError if they choose none. */
  async share(): Promise<void> {
    const screen = await navigator.mediaDevices.getDisplayMedia({ video: true });
    this.screen = screen;
    for (const track of screen.getTracks()) track.onended = () => void this.unshare(); // stopped by the browser's own button
    for (const [id, { pc }] of this.#peers) this.#addTracks(id, pc);
    this.#changed();
    await this.#sendMediaState();
  }

  async unshare(): Promise<void> {
    const tracks = this.screen?.getTracks() ?? [];
    this.screen = null;
    for (const { pc } of this.#peers.values())
      for (const sender of pc.getSenders()) if (sender.track && tracks.includes(sender.track)) pc.removeTrack(sender);
    for (const track of tracks) track.stop();
    this.#changed();
    await this.#sendMediaState();
  }

  /** Switches to the microphone or camera that is chosen now, without renegotiation. */
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

  /** The quality of the connection to a participant; null while it is being (re-)established. */
  gradeOf(id: string): Grade | null {
    const peer = this.#peers.get(id);
    return peer?.pc.connectionState === "connected" ? peer.grade : null;
  }

  async #sendMediaState(): Promise<void> {
    const on = (tracks: MediaStreamTrack[]) => tracks.some((each) => each.enabled);
    const body = { audio: on(this.local.getAudioTracks()), video: on(this.local.getVideoTracks()), screen: this.screen !== null };
    this.#engine.calls.put(await this.#engine.api.put("/calls/{call_id}/media-state", { path: { call_id: this.callId }, body }));
  }

  /** Closes the connections to participants who have left. */
  update(call: Call): void {
    this.protection?.follow(call);
    for (const each of call.participants) if (each.state !== "joined") this.#drop(each.participant_id);
  }

  close(): void {
    for (const end of this.#ends) end();
    for (const peer of [...this.#peers.keys()]) this.#drop(peer);
    this.protection?.close();
    for (const track of [...this.local.getTracks(), ...(this.screen?.getTracks() ?? [])]) track.stop();
  }

  async #heartbeat(): Promise<void> {
    try {
      this.#engine.calls.put(await this.#engine.api.post("/calls/{call_id}/heartbeat", { path: { call_id: this.callId } }));
      if (performance.now() - this.#iceServersSince > ICE_SERVERS_FOR_MS) await this.#renewIceServers();
    } catch {
      // the next heartbeat follows soon; an event tells when the call is over
    }
  }

  /** Whoever comes later, and each ICE restart, needs credentials that a TURN server still takes. */
  async #renewIceServers(): Promise<void> {
    const { ice_servers } = await this.#engine.api.get("/calls/ice-servers");
    this.#iceServers = ice_servers as RTCIceServer[];
    this.#iceServersSince = performance.now();
    for (const { pc } of this.#peers.values()) pc.setConfiguration(this.#configuration());
  }

  #drop(id: string): void {
    this.#peers.get(id)?.pc.close();
    this.#peers.delete(id);
    this.protection?.drop(id);
    if (this.shown.delete(id)) this.#changed();
  }

  // --- signals, sent to each peer one after the other

  /** Resolves when it has been sent, or could not be. */
  #signal(to: string, kind: Kind, payload: Payload): Promise<unknown> {
    const fields = { to, kind, payload: payload as never };
    const overHttp = () =>
      this.#engine.api.post("/calls/{call_id}/signals", { path: { call_id: this.callId }, body: fields });
    const sent = (this.#signalQueues.get(to) ?? Promise.resolve())
      .then(() => this.#engine.request("signal", { call_id: this.callId, ...fields }).catch(overHttp))
      .catch(() => undefined); // `#repeatOffers` repeats what has no answer; a later failure shows in the connection's state
    this.#signalQueues.set(to, sent);
    return sent;
  }

  /** An offer or its answer may be lost with nothing after it that would tell, and such a connection never fails. */
  #repeatOffers(): void {
    for (const [id, peer] of this.#peers)
      if (peer.pc.signalingState === "have-local-offer" && peer.offer && performance.now() - peer.offer.sentAt > OFFER_AGAIN_MS)
        void this.#offer(id, peer, peer.offer.id);
  }

  async #offer(to: string, peer: Peer, id: string): Promise<void> {
    const description = peer.pc.localDescription?.toJSON();
    if (!description) return; // the connection was closed meanwhile
    const offer = { id, sentAt: Infinity };
    peer.offer = offer;
    await this.#signal(to, "offer", { life: this.#sessionId, description, offer: id });
    offer.sentAt = performance.now();
  }

  #receiveSignal(signal: Signal): void {
    if (signal.n <= this.#lastSignal) return;
    if (signal.n > this.#lastSignal + 1) {
      void this.#fetchSignals();
      return;
    }
    this.#lastSignal = signal.n;
    this.#signalsHandled = this.#signalsHandled.then(() => this.#handleSignal(signal)).catch(() => undefined);
  }

  async #fetchSignals(): Promise<void> {
    const { items } = await this.#engine.api.get("/calls/{call_id}/signals", {
      path: { call_id: this.callId },
      query: { after: this.#lastSignal },
    });
    const first = items[0];
    if (first && first.n > this.#lastSignal + 1) this.#lastSignal = first.n - 1; // older signals have expired
    for (const each of items) this.#receiveSignal({ ...each, call_id: this.callId } as Signal);
  }

  // --- peer connections

  /** All media of a peer use one transport; by default sound and picture each collect candidates, and relays, first. */
  #configuration(): RTCConfiguration {
    return { iceServers: [...this.#iceServers], bundlePolicy: "max-bundle" };
  }

  #peer(id: string, offering: boolean): Peer {
    const pc = new RTCPeerConnection(this.#configuration());
    const peer: Peer = { pc, life: undefined, offer: undefined, making: false, ignoring: false, measured: undefined, sound: undefined, grade: "good" };
    this.#peers.set(id, peer);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) void this.#signal(id, "ice", { life: this.#sessionId, candidate: candidate.toJSON() });
    };
    pc.onconnectionstatechange = () => {
      this.#changed();
      if (pc.connectionState === "connected") this.#connectedAfterMs ??= performance.now() - this.#startedAt;
      if (pc.connectionState === "failed") pc.restartIce();
      if (pc.connectionState === "disconnected") setTimeout(() => pc.connectionState === "disconnected" && pc.restartIce(), DISCONNECTED_GRACE_MS);
    };
    pc.ontrack = ({ streams: [stream] }) => {
      this.protection?.cover(pc, id);
      if (!stream) return;
      const kind = stream.getAudioTracks().length > 0 ? "person" : "screen"; // participants always send audio, screens never do
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
        this.protection?.restrict(pc);
        await pc.setLocalDescription();
        void this.#offer(id, peer, crypto.randomUUID());
      } finally {
        peer.making = false;
      }
    };
    if (offering) this.#addTracks(id, pc);
    return peer;
  }

  #addTracks(id: string, pc: RTCPeerConnection): void {
    const sent = new Set(pc.getSenders().map((each) => each.track));
    for (const stream of [this.local, this.screen])
      for (const track of stream?.getTracks() ?? []) if (stream && !sent.has(track)) pc.addTrack(track, stream);
    this.protection?.cover(pc, id);
  }

  /** Restarts ICE on each connection, after the network has changed or is back. */
  #restartIce(): void {
    for (const { pc } of this.#peers.values()) if (pc.connectionState !== "new") pc.restartIce();
  }

  // --- speaker and quality

  async #findSpeaker(): Promise<void> {
    let [loudest, who]: [number, string | null] = [SPEAKING_LEVEL, null];
    for (const [id, peer] of this.#peers) {
      const now = soundOf([...(await peer.pc.getStats()).values()]);
      const level = peer.sound ? loudness(peer.sound, now) : 0;
      peer.sound = now;
      if (level > loudest) [loudest, who] = [level, id];
    }
    if (who === null || who === this.speaker) return; // the last speaker stays while nobody speaks
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
    const first = this.#setupOutcome(found.some((each) => each.bitrate_kbps > 0));
    if (first === null && ++this.#measurements % REPORT_EVERY !== 0) return;
    try {
      await this.#engine.api.post("/calls/{call_id}/quality", { path: { call_id: this.callId }, body: { ...worst(found), ...first } });
    } catch {
      // one report less for the operator does not matter
    }
  }

  /** The outcome of the setup, once: the time until media arrived, or failure if none did for too long; else null. */
  #setupOutcome(came: boolean): { setup_failed: true } | { setup_ms: number } | null {
    const passed = performance.now() - this.#startedAt;
    if (this.#outcomeReported || (!came && passed < SETUP_TIMEOUT_MS)) return null;
    this.#outcomeReported = true;
    return came ? { setup_ms: Math.round(this.#connectedAfterMs ?? passed) } : { setup_failed: true };
  }

  async #handleSignal({ from, kind, payload }: Signal): Promise<void> {
    const { life, description, candidate, offer } = payload as unknown as Payload;
    let peer = this.#peers.get(from);
    if (kind === "offer" && (!peer || (peer.life !== undefined && peer.life !== life))) {
      if (peer) this.#drop(from); // the peer has reloaded its page
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
    const isToOffer = pc.signalingState === "have-local-offer" && (offer ?? peer.offer?.id) === peer.offer?.id;
    if (kind === "answer" && !isToOffer) return; // for example the second answer to a repeated offer
    const collides = kind === "offer" && (peer.making || pc.signalingState !== "stable");
    peer.ignoring = collides && !this.#polite.has(from);
    if (peer.ignoring || !description) return;
    peer.life = life;
    await pc.setRemoteDescription(description);
    this.protection?.stopUncovered(pc);
    if (kind !== "offer") return;
    this.#addTracks(from, pc);
    this.protection?.restrict(pc);
    await pc.setLocalDescription();
    if (pc.localDescription) void this.#signal(from, "answer", { life: this.#sessionId, description: pc.localDescription.toJSON(), offer });
  }
}
