// A client for calls that uses only the public API: rings, joins, signals, shows media, hangs up.
// Call `open(settings)` first; the settings survive a reload in sessionStorage, as a real client's session would.
"use strict";

const HEARTBEAT_MS = 5000, POLL_MS = 300, LOOK_MS = 50;

class Api {
  constructor({ base, token }) { this.base = base; this.token = token; }

  async ask(method, path, body) {
    const answer = await fetch(this.base + path, {
      method,
      headers: { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const data = text ? JSON.parse(text) : null;
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${data && data.code}`);
    return data;
  }
}

// Frames of the socket; if it cannot be opened, no events arrive and commands use HTTP.
class Socket {
  constructor(api, onEvent) { this.api = api; this.onEvent = onEvent; this.waiting = new Map(); this.next = 1; }

  async open() {
    const { url, ticket } = await this.api.ask("POST", "/realtime/tickets");
    await new Promise((resolve, reject) => {
      this.line = new WebSocket(`${url}?ticket=${ticket}`);
      this.line.onopen = resolve;
      this.line.onerror = this.line.onclose = () => reject(new Error("no socket"));
      this.line.onmessage = ({ data }) => this.take(JSON.parse(data));
    });
  }

  get live() { return this.line !== undefined && this.line.readyState === WebSocket.OPEN; }

  take(frame) {
    for (const each of frame.type === "batch" ? frame.events : [frame]) {
      if (each.type === "ack" || each.type === "error") {
        const { resolve, reject } = this.waiting.get(each.id);
        this.waiting.delete(each.id);
        if (each.type === "ack") resolve(each.data); else reject(new Error(each.problem.code));
      } else this.onEvent(each);
    }
  }

  ask(action, fields) {
    const id = String(this.next++);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.line.send(JSON.stringify({ action, id, ...fields }));
    });
  }
}

class Call {
  constructor(settings) {
    this.settings = settings;
    this.api = new Api(settings);
    this.socket = new Socket(this.api, (event) => this.heard(event));
    this.peers = new Map(); // participant_id -> {pc, life, queue}
    this.life = crypto.randomUUID(); // distinguishes a reloaded page from the previous one
    this.sent = new Map(); // recipient -> promise of the last signal
    this.taken = Promise.resolve();
    this.events = [];
  }

  async open() {
    if (!this.settings.polling) await this.socket.open();
    this.stream = await navigator.mediaDevices.getUserMedia({
      audio: true, video: { width: 160, height: 120, frameRate: 10 },
    });
  }

  async ring(conversationId) {
    this.call = await this.api.ask("POST", `/conversations/${conversationId}/calls`, {
      client_id: crypto.randomUUID(), media: "video",
    });
    return this.call.id;
  }

  async join(callId) {
    this.started = performance.now();
    this.callId = callId;
    const joined = await this.api.ask("POST", `/calls/${callId}/join`);
    this.call = joined.call;
    this.me = joined.participant_id;
    this.iceServers = joined.ice_servers;
    this.politeTowards = new Set(joined.polite_towards);
    this.last = joined.last_signal;
    this.heartbeat = setInterval(() => this.beat(), HEARTBEAT_MS);
    if (!this.socket.live) this.poll = setInterval(() => this.fetchSignals(), POLL_MS);
    this.looking = setInterval(() => this.look(), LOOK_MS);
    for (const peer of joined.peers) this.peer(peer, { offering: true });
    if (this.socket.live) this.fetchSignals(); // signals that arrived since joining
    return this.me;
  }

  async beat() {
    try {
      const call = this.socket.live
        ? await this.socket.ask("callHeartbeat", { call_id: this.callId })
        : await this.api.ask("POST", `/calls/${this.callId}/heartbeat`);
      this.changed(call);
    } catch (error) {
      if (/call_ended/.test(error.message)) this.changed(await this.api.ask("GET", `/calls/${this.callId}`));
    }
  }

  heard(event) {
    this.events.push(event.type);
    if (event.type === "pong" && this.me) this.fetchSignals(); // a pong may mean that frames could not be delivered
    if (event.type === "call.signal" && event.data.call_id === this.callId) this.inOrder(event.data);
    if (["call.updated", "call.ended"].includes(event.type) && event.data.id === this.callId) this.changed(event.data);
  }

  changed(call) {
    this.call = call;
    for (const each of call.participants) {
      if (each.state !== "joined" && this.peers.has(each.participant_id)) this.drop(each.participant_id);
    }
    if (call.state === "ended") this.over();
  }

  over() {
    for (const timer of [this.heartbeat, this.poll, this.looking]) clearInterval(timer);
    for (const peer of [...this.peers.keys()]) this.drop(peer);
  }

  drop(peer) { this.peers.get(peer).pc.close(); this.peers.delete(peer); }

  // --- signals: sent to each peer one after the other, processed in the order of their numbers ---

  signal(to, kind, payload) {
    const fields = { to, kind, payload };
    const overHttp = () => this.api.ask("POST", `/calls/${this.callId}/signals`, fields);
    const overSocket = () => this.socket.ask("signal", { call_id: this.callId, ...fields });
    const sent = (this.sent.get(to) || Promise.resolve())
      .then(() => (this.socket.live ? overSocket().catch(overHttp) : overHttp())) // a socket accepts a limited number of frames
      .catch((error) => this.events.push(`signal: ${error.message}`));
    this.sent.set(to, sent);
    return sent;
  }

  inOrder(signal) {
    if (signal.n <= this.last) return;
    if (signal.n > this.last + 1) { this.fetchSignals(); return; } // one was lost on the way
    this.last = signal.n;
    this.taken = this.taken.then(() => this.act(signal)).catch((error) => this.events.push(`act: ${error.message}`));
  }

  async fetchSignals() {
    this.again = true;
    if (this.fetching) return;
    this.fetching = true;
    this.again = false;
    try {
      const { items } = await this.api.ask("GET", `/calls/${this.callId}/signals?after=${this.last}`);
      if (items.length && items[0].n > this.last + 1) this.last = items[0].n - 1; // older ones no longer exist
      items.forEach((each) => this.inOrder(each));
    } catch (error) {
      this.events.push(`poll: ${error.message}`);
    } finally {
      this.fetching = false;
      if (this.again) this.fetchSignals(); // requested while the answer was on its way
    }
  }

  // --- peer connections: perfect negotiation (WebRTC 1.0, section 10.7) ---

  peer(id, { offering, life }) {
    const pc = new RTCPeerConnection({
      iceServers: this.iceServers, iceTransportPolicy: this.settings.relay ? "relay" : "all",
    });
    const peer = { pc, life, making: false, ignoring: false };
    this.peers.set(id, peer);
    pc.onicecandidate = ({ candidate }) => {
      if (candidate) this.signal(id, "ice", { life: this.life, candidate: candidate.toJSON() });
    };
    pc.ontrack = ({ streams }) => this.show(id, streams[0]);
    pc.onnegotiationneeded = async () => {
      peer.making = true;
      try {
        await pc.setLocalDescription();
        this.signal(id, "offer", { life: this.life, description: pc.localDescription.toJSON() });
      } finally { peer.making = false; }
    };
    if (offering) this.send(pc);
    return peer;
  }

  send(pc) {
    const sending = pc.getSenders().filter((each) => each.track);
    if (!sending.length) for (const track of this.stream.getTracks()) pc.addTrack(track, this.stream);
  }

  async act({ from, kind, payload }) {
    let peer = this.peers.get(from);
    if (kind === "offer" && (!peer || (peer.life !== undefined && peer.life !== payload.life))) {
      if (peer) this.drop(from); // it was reloaded
      peer = this.peer(from, { offering: false });
    }
    if (!peer || (peer.life !== undefined && peer.life !== payload.life)) return;
    const { pc } = peer;
    if (kind === "ice") {
      try { await pc.addIceCandidate(payload.candidate); } catch (error) { if (!peer.ignoring) throw error; }
      return;
    }
    const collides = kind === "offer" && (peer.making || pc.signalingState !== "stable");
    peer.ignoring = collides && !this.politeTowards.has(from);
    if (peer.ignoring) return;
    peer.life = payload.life;
    await pc.setRemoteDescription(payload.description);
    if (kind === "offer") {
      this.send(pc);
      await pc.setLocalDescription();
      this.signal(from, "answer", { life: this.life, description: pc.localDescription.toJSON() });
    }
  }

  show(id, stream) {
    let screen = document.getElementById(id);
    if (!screen) {
      screen = Object.assign(document.createElement("video"), { id, autoplay: true, muted: true, playsInline: true });
      document.getElementById("screens").append(screen);
    }
    screen.srcObject = stream;
  }

  // --- media ---

  async frames() {
    const found = {};
    for (const [id, { pc }] of this.peers) {
      found[id] = 0;
      (await pc.getStats()).forEach((each) => {
        if (each.type === "inbound-rtp" && each.kind === "video") found[id] = each.framesDecoded || 0;
      });
    }
    return found;
  }

  async routes() {
    const found = [];
    for (const { pc } of this.peers.values()) {
      const stats = await pc.getStats();
      stats.forEach((each) => {
        if (each.type === "candidate-pair" && each.nominated && each.state === "succeeded") {
          found.push(stats.get(each.localCandidateId).candidateType);
        }
      });
    }
    return found;
  }

  async look() {
    const counts = Object.values(await this.frames());
    if (counts.some((count) => count > 0) && this.setUpMs === undefined) {
      this.setUpMs = Math.round(performance.now() - this.started);
      const quality = { rtt_ms: 1, jitter_ms: 1, packet_loss: 0, bitrate_kbps: 100, setup_ms: this.setUpMs };
      await this.api.ask("POST", `/calls/${this.callId}/quality`, quality);
    }
  }

  hangUp() {
    this.over();
    return this.api.ask("POST", `/calls/${this.callId}/leave`).then((call) => { this.call = call; });
  }
}

// the interface for tests
window.openCall = async (settings) => {
  if (settings) sessionStorage.setItem("settings", JSON.stringify(settings));
  window.client = new Call(settings || JSON.parse(sessionStorage.getItem("settings")));
  await window.client.open();
};
