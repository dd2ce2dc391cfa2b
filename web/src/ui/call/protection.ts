/**
 * End-to-end encryption of a call's media (RFC 9605): gives each sender and receiver its transform in the call's worker,
 * and the worker the keys of each epoch of the group.
 */
import type { Call, Engine } from "../../engine";
import type { MediaKeys } from "../../engine/types";
import { EncryptionError } from "../../engine/service/problems";
import { scriptUrl } from "../../trusted";
import { ExplainedError } from "../hooks";

export type ToWorker = { readonly callId: string; readonly keys: MediaKeys } | { readonly people: ReadonlyMap<string, string> };
export interface FromWorker {
  readonly participant: string;
  readonly kind: string;
  readonly readable: boolean;
}
/** `kind` is the track's. A sent stream has a context of its own, a received one its participant. */
export type TransformOptions = { readonly kind: string } & ({ readonly context: bigint } | { readonly participant: string });

const RETRY_MS = 2_000;
/** A device's calls and the streams of each share the 40 bits that a key id has for contexts: a million of each. */
const STREAM_BITS = 20n;
/** The packets of other video formats are made from what only the unencrypted frame has. */
const CODECS = /^(audio\/opus|video\/(VP8|rtx))$/i;

/** What an encrypted call needs before it begins. */
export interface Prepared {
  readonly keys: MediaKeys;
  /** A number that this device has used for no call before. */
  readonly number: number;
}

/**
 * Null in a conversation without encryption. Throws ExplainedError if this browser cannot encrypt calls, EncryptionError if
 * this device has no keys: such a call is refused, and never made without encryption.
 */
export async function prepare(engine: Engine, conversationId: string): Promise<Prepared | null> {
  const keys = await engine.endToEnd.mediaKeys(conversationId);
  if (!keys) return null;
  if (!("RTCRtpScriptTransform" in globalThis)) throw new ExplainedError("e2e.unsupported");
  return { keys, number: await engine.endToEnd.nextCall() };
}

export class CallProtection {
  readonly #engine: Engine;
  readonly #call: Call;
  readonly #worker: Worker;
  readonly #changed: () => void;
  readonly #end: () => void;
  readonly #unreadable = new Set<string>();
  readonly #context: bigint;
  #streams = 0n;
  #epoch: number;
  #retry: ReturnType<typeof setTimeout> | undefined;
  /** Why no frame passes any more: proof against the server, or a worker that does not run. */
  failure: "e2e.broken" | "e2e.failed" | null = null;

  constructor(engine: Engine, call: Call, { keys, number }: Prepared, changed: () => void) {
    this.#engine = engine;
    this.#call = call;
    this.#changed = changed;
    this.#context = BigInt(number) << STREAM_BITS;
    this.#epoch = keys.epoch;
    this.#worker = new Worker(scriptUrl("frames"), { type: "module" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    this.#worker.onerror = () => this.#fail("e2e.failed");
    this.#tell({ callId: call.id, keys });
    this.follow(call);
    this.#end = engine.endToEnd.of(call.conversation_id).subscribe(() => void this.#renew());
    void this.#renew(); // the epoch may have ended since `prepare`, while the person was asked for the microphone
  }

  /** Whether frames of this participant come that cannot be decrypted. */
  isUnreadable(participant: string): boolean {
    return this.failure !== null || this.#unreadable.has(`${participant} audio`) || this.#unreadable.has(`${participant} video`);
  }

  follow({ participants }: Call): void {
    this.#tell({ people: new Map(participants.map((each) => [each.participant_id, each.user_id])) });
  }

  /**
   * Gives the senders and receivers of a connection to this participant their transforms. To be called in the task in
   * which `addTrack` or a `track` event brought new ones: Chromium passes by transforms that come later, also that of
   * the receiver that `addTrack` makes along with a sender.
   */
  cover(pc: RTCPeerConnection, participant: string): void {
    for (const { sender, receiver } of pc.getTransceivers()) {
      const { kind } = receiver.track;
      sender.transform ??= this.#transform({ kind, context: this.#nextContext() });
      receiver.transform ??= this.#transform({ kind, participant });
    }
  }

  /** Stops what an offer brought without a `track` event: a sender without a transform must never get a track. */
  stopUncovered(pc: RTCPeerConnection): void {
    for (const each of pc.getTransceivers()) if (!each.sender.transform) each.stop();
  }

  /** Leaves only formats whose packets can carry encrypted frames; to be called before an offer or answer is made. */
  restrict(pc: RTCPeerConnection): void {
    for (const each of pc.getTransceivers()) {
      const { codecs = [] } = RTCRtpReceiver.getCapabilities(each.receiver.track.kind) ?? {};
      each.setCodecPreferences(codecs.filter(({ mimeType }) => CODECS.test(mimeType)));
    }
  }

  /** The connection to a participant is closed. */
  drop(participant: string): void {
    for (const kind of ["audio", "video"]) this.#unreadable.delete(`${participant} ${kind}`);
  }

  close(): void {
    this.#end();
    clearTimeout(this.#retry);
    this.#worker.terminate();
  }

  #nextContext(): bigint {
    // whoever makes so many streams must not get one without a transform: from here on no frame passes
    if (this.#streams >> STREAM_BITS && !this.failure) this.#fail("e2e.failed");
    return this.#context | this.#streams++;
  }

  #transform(options: TransformOptions): RTCRtpScriptTransform {
    return new RTCRtpScriptTransform(this.#worker, options);
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear({ participant, kind, readable }: FromWorker): void {
    if (readable) this.#unreadable.delete(`${participant} ${kind}`);
    else this.#unreadable.add(`${participant} ${kind}`);
    this.#changed();
  }

  /** Gives the worker the keys of a new epoch. */
  async #renew(): Promise<void> {
    const { phase, epoch } = this.#engine.endToEnd.of(this.#call.conversation_id).get();
    if (phase === "broken") return this.#fail("e2e.broken");
    if (phase !== "ready" || epoch === this.#epoch) return;
    try {
      const keys = await this.#engine.endToEnd.mediaKeys(this.#call.conversation_id);
      if (!keys || keys.epoch <= this.#epoch) return;
      this.#epoch = keys.epoch;
      this.#tell({ callId: this.#call.id, keys });
    } catch (error) {
      if (error instanceof EncryptionError && !error.transient) this.#fail("e2e.broken");
      else this.#retry = setTimeout(() => void this.#renew(), RETRY_MS);
    }
  }

  #fail(why: "e2e.broken" | "e2e.failed"): void {
    this.failure = why;
    this.#worker.terminate();
    this.#changed();
  }
}
