/**
 * Encrypted changes of earlier messages: edits, reactions, votes in polls, closing a poll. Every device applies them in
 * the order of the log, so all devices that have read the log come to the same state. Others' changes are checked here,
 * since the server cannot read them.
 */
import { textOf } from "./bytes";
import type { DecryptedMessage } from "./shelf";

export const MAX_OPTIONS = 20;
const MAX_EMOJI = 50;
/** Counted in code points, as the Python client counts them. */
const MAX_EMOJI_CHARS = 32;

/** A poll, whose question is the message's text. Options are counted from 0. */
export interface PollContent {
  readonly options: readonly string[];
  readonly multiple: boolean;
}

/**
 * Which message is meant: its id, which the server has given it, and the hash of its ciphertext, by which no other can
 * be put in its place. Without a hash for one from before the encryption, or of an earlier version of the client.
 */
export interface Meant {
  readonly of: string;
  /** SHA-256 in base 64. */
  readonly hash?: string | undefined;
}

/** A change of a message; it has exactly one of the other fields (`remove` goes with `react`). */
export interface Change extends Meant {
  /** The new text. */
  readonly edit?: string;
  /** An emoji. */
  readonly react?: string;
  readonly remove?: boolean;
  /** The chosen options, in place of an earlier vote; none withdraws it. */
  readonly vote?: readonly number[];
  readonly close?: boolean;
}

/** What changes have made of a message. */
export interface Changed {
  /** RFC 3339. */
  readonly edited_at?: string;
  readonly reactions?: readonly { readonly emoji: string; readonly by: readonly string[] }[];
  /** The last vote of each person. */
  readonly votes?: Readonly<Record<string, readonly number[]>>;
  readonly closed?: boolean;
}

/** The message after a change by a person at a time; the same if they may not make it, or if it says nothing. */
export function changed(decrypted: DecryptedMessage, { hash, edit, react, remove, vote, close }: Change, by: string, at: string): DecryptedMessage {
  const { changes = {}, poll } = decrypted;
  const own = by === decrypted.senderId;
  if (decrypted.text === null || (decrypted.hash && hash !== decrypted.hash)) return decrypted;
  if (edit !== undefined) return own && edit && !poll && !decrypted.voice ? { ...decrypted, text: edit, changes: { ...changes, edited_at: at } } : decrypted;
  if (react !== undefined) {
    const others = (changes.reactions ?? []).filter(({ emoji }) => emoji !== react);
    const present = changes.reactions?.find(({ emoji }) => emoji === react)?.by ?? [];
    const people = [...present.filter((each) => each !== by), ...(remove ? [] : [by])];
    if (!react || [...react].length > MAX_EMOJI_CHARS || others.length >= MAX_EMOJI) return decrypted;
    return { ...decrypted, changes: { ...changes, reactions: people.length > 0 ? [...others, { emoji: react, by: people }] : others } };
  }
  if (!poll || changes.closed) return decrypted;
  if (close) return own ? { ...decrypted, changes: { ...changes, closed: true } } : decrypted;
  if (vote === undefined || (!poll.multiple && vote.length > 1) || !vote.every((each) => poll.options[each] !== undefined)) return decrypted;
  return { ...decrypted, changes: { ...changes, votes: { ...changes.votes, [by]: [...new Set(vote)] } } };
}

/** Parses the application data of a change; null if it is none. Unknown names are ignored. */
export function asChange(data: Uint8Array): Change | null {
  try {
    const { change } = JSON.parse(textOf(data)) as { change?: Record<string, unknown> };
    const { edit, react, remove, vote, close } = change ?? {};
    const meant = asMeant(change);
    if (!meant) return null;
    if (typeof edit === "string") return { ...meant, edit };
    if (typeof react === "string") return { ...meant, react, remove: remove === true };
    if (Array.isArray(vote) && vote.every(Number.isInteger)) return { ...meant, vote: vote as number[] };
    return close === true ? { ...meant, close } : null;
  } catch {
    return null;
  }
}

/** Parses the name of a message; undefined if it is none. */
export function asMeant(given: unknown): Meant | undefined {
  const { of, hash } = (given ?? {}) as Record<string, unknown>;
  return typeof of === "string" ? { of, ...(typeof hash === "string" ? { hash } : {}) } : undefined;
}

/** Parses a poll; undefined if it is none. */
export function asPoll(given: unknown): PollContent | undefined {
  const { options, multiple } = (given ?? {}) as Record<string, unknown>;
  if (!Array.isArray(options) || options.length < 2 || options.length > MAX_OPTIONS) return undefined;
  return options.every((each) => typeof each === "string") ? { options: options as string[], multiple: multiple === true } : undefined;
}
