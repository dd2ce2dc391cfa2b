/** The format of a message's application data: UTF-8 JSON, padded with spaces so that its size reveals little. */
import { type Bytes, bytesOf, textOf } from "./bytes";
import { type Change, type Meant, type PollContent, asMeant, asPoll } from "./changes";
import { type SealedFile, asSealedFile } from "./files";

const PADDED_TO = 128;
/** All but edits, and votes for many options, have one size. */
const CHANGES_PADDED_TO = 256;
const MAX_BARS = 100;

/** A voice message, whose recording is the message's only file; `waveform` has loudness values from 0 to 100. */
export interface Voice {
  readonly duration_ms: number;
  readonly waveform: readonly number[];
}

export interface Content {
  readonly text: string;
  readonly files: readonly SealedFile[];
  readonly voice?: Voice | undefined;
  readonly poll?: PollContent | undefined;
  /** The message that this one replies to. */
  readonly reply?: Meant | undefined;
}

/** What is encrypted: a message, or a change of an earlier one. */
export type Sendable = Content & { readonly change?: Change };

export function asData({ text, files, voice, poll, reply, change }: Sendable): Bytes {
  const plain = bytesOf(JSON.stringify(change ? { change } : { text, files: files.length > 0 ? files : undefined, voice, poll, reply }));
  const padded = change ? CHANGES_PADDED_TO : PADDED_TO;
  const data = new Uint8Array(Math.ceil(plain.length / padded) * padded).fill(32);
  data.set(plain);
  return data;
}

/** Parses application data; null if its format is unknown. Unknown names are ignored. */
export function asContent(data: Uint8Array): Content | null {
  try {
    const { text, files, voice, poll, reply } = JSON.parse(textOf(data)) as Record<string, unknown>;
    if (typeof text !== "string") return null;
    const described = Array.isArray(files) ? files.map(asSealedFile).filter((each) => each !== null) : [];
    return { text, files: described, voice: asVoice(voice), poll: asPoll(poll), reply: asMeant(reply) };
  } catch {
    return null;
  }
}

/** Parses a description of a voice message; undefined if it is none. */
export function asVoice(given: unknown): Voice | undefined {
  const { duration_ms, waveform } = (given ?? {}) as Record<string, unknown>;
  if (!Array.isArray(waveform) || ![duration_ms, ...waveform].every(Number.isFinite)) return undefined;
  return { duration_ms: duration_ms as number, waveform: waveform.slice(0, MAX_BARS) as number[] };
}
