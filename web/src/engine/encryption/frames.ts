/**
 * Encrypts and decrypts the frames of one call with keys of its conversation's group (RFC 9605, section 5.2).
 *
 * A key id says the sender's leaf, the epoch and a context that the sender never uses twice, so no nonce repeats. The
 * call's id is authenticated with each frame, so frames of another call are refused; so are frames of anybody but the
 * person they are taken for, and repeated ones.
 */
import type { MediaKeys } from "../types";
import { type Bytes, bytesOf } from "./bytes";
import { type FrameKey, decodeHeader, deriveKey, joined, openFrame, sealFrame } from "./sframe";

const EPOCH_BITS = 8n;
const INDEX_BITS = 16n;
const EPOCHS = 1 << Number(EPOCH_BITS);
/** A new epoch's keys are used for sending after this time, so that others have them too. */
const SWITCH_AFTER_MS = 2_000;
/** Frames of the epoch before are accepted for this time after that. */
const KEEP_MS = 5_000;
/** Frames that come later than so many newer ones of their stream are refused. */
const REPLAY_WINDOW = 256;
/** Frames of further streams of one device in one epoch are refused, as each stream takes memory here. */
const MAX_STREAMS = 1_000;
const VP8_KEY_FRAME_HEADER_BYTES = 10;

const epochOf = (kid: bigint): number => Number(kid % BigInt(EPOCHS));
const indexOf = (kid: bigint): number => Number((kid >> EPOCH_BITS) % (1n << INDEX_BITS));

/**
 * How many bytes of a frame stay readable, authenticated but not encrypted. The RTP payload format of VP8 (RFC 7741)
 * takes from the payload whether a frame is a key frame (its first bit) and then its width and height.
 */
export function clearBytes(kind: string, data: Uint8Array): number {
  if (kind !== "video") return 0;
  return ((data[0] ?? 1) & 1) === 1 ? 1 : VP8_KEY_FRAME_HEADER_BYTES;
}

/** A sent stream. Its context is this device's alone, and used for this stream only. */
export interface SentStream {
  readonly context: bigint;
  /** The next frame's counter. */
  counter: number;
}

interface Epoch {
  readonly keys: MediaKeys;
  /** When its keys are used for sending, in the clock's milliseconds. */
  readonly sendFrom: number;
  readonly streams: Map<bigint, { key: FrameKey; seen: ReplayWindow }>;
}

class ReplayWindow {
  #highest = -1;
  #seen = new Set<number>();

  /** Whether this counter is new; it is not from then on. */
  admit(ctr: number): boolean {
    if (ctr <= this.#highest - REPLAY_WINDOW || this.#seen.has(ctr)) return false;
    this.#highest = Math.max(ctr, this.#highest);
    this.#seen.add(ctr);
    if (this.#seen.size > 2 * REPLAY_WINDOW) this.#seen = new Set([...this.#seen].filter((each) => each > this.#highest - REPLAY_WINDOW));
    return true;
  }
}

export class FrameCipher {
  readonly #callId: Bytes;
  readonly #now: () => number;
  /** Oldest first. */
  #epochs: Epoch[] = [];

  constructor(callId: string, now: () => number) {
    this.#callId = bytesOf(callId);
    this.#now = now;
  }

  /** Takes the keys of a new epoch; at once if somebody has left the group, who must not decrypt what follows. */
  use(keys: MediaKeys): void {
    const now = this.#now();
    const last = this.#epochs.at(-1)?.keys;
    if (last && keys.epoch <= last.epoch) return;
    const hasLeaver = [...(last?.people ?? [])].some(([index, userId]) => keys.people.get(index) !== userId);
    const sendFrom = !last || hasLeaver ? now : now + SWITCH_AFTER_MS;
    const others = this.#accepted().filter((each) => each.keys.epoch % EPOCHS !== keys.epoch % EPOCHS);
    this.#epochs = [...others, { keys, sendFrom, streams: new Map() }];
  }

  /** The encrypted frame; null while there are no keys. */
  async seal(stream: SentStream, kind: string, data: Bytes): Promise<Bytes | null> {
    const now = this.#now();
    const epoch = this.#accepted().findLast((each) => each.sendFrom <= now);
    if (!epoch) return null;
    const { ownIndex, epoch: number } = epoch.keys;
    const kid = (((stream.context << INDEX_BITS) | BigInt(ownIndex)) << EPOCH_BITS) | BigInt(number % EPOCHS);
    const ctr = BigInt(stream.counter);
    stream.counter += 1;
    const { key } = epoch.streams.get(kid) ?? this.#remember(epoch, kid, await deriveKey(epoch.keys.baseKey, kid));
    const clear = data.subarray(0, clearBytes(kind, data));
    return joined(clear, await sealFrame(key, kid, ctr, joined(this.#callId, clear), data.subarray(clear.length)));
  }

  /** The decrypted frame of this person; null if it is none. */
  async open(userId: string, kind: string, data: Bytes): Promise<Bytes | null> {
    const clear = data.subarray(0, clearBytes(kind, data));
    const frame = data.subarray(clear.length);
    const header = decodeHeader(frame);
    if (!header) return null;
    const { kid, ctr } = header;
    const epoch = this.#accepted().find(({ keys }) => keys.epoch % EPOCHS === epochOf(kid));
    if (!epoch || epoch.keys.people.get(indexOf(kid)) !== userId || ctr > BigInt(Number.MAX_SAFE_INTEGER)) return null;
    const known = epoch.streams.get(kid)?.key;
    if (!known && [...epoch.streams.keys()].filter((each) => indexOf(each) === indexOf(kid)).length >= MAX_STREAMS) return null;
    const key = known ?? (await deriveKey(epoch.keys.baseKey, kid));
    let opened: Bytes;
    try {
      opened = await openFrame(key, header, joined(this.#callId, clear), frame);
    } catch {
      return null; // not authentic: changed on the way, of another call, or no frame of the group
    }
    const { seen } = epoch.streams.get(kid) ?? this.#remember(epoch, kid, key);
    return seen.admit(Number(ctr)) ? joined(clear, opened) : null;
  }

  #remember(epoch: Epoch, kid: bigint, key: FrameKey): { key: FrameKey; seen: ReplayWindow } {
    const stream = { key, seen: new ReplayWindow() };
    epoch.streams.set(kid, stream);
    return stream;
  }

  /** The epochs whose frames are accepted; forgets the others. */
  #accepted(): Epoch[] {
    const now = this.#now();
    this.#epochs = this.#epochs.filter((_, n) => now < (this.#epochs[n + 1]?.sendFrom ?? Infinity) + KEEP_MS);
    return this.#epochs;
  }
}
