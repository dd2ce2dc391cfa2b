/**
 * Files of encrypted conversations: each is encrypted with its own key, which is sent inside the encrypted message.
 *
 * A file is encrypted in chunks, so that it need not fit into memory, and that the page, on whose thread Chromium
 * encrypts, can go on between them. The chunks are a STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online
 * Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015): AES-256-GCM, whose nonces have the file's
 * random prefix, the chunk's number and whether it is the last. So no chunk can be changed, moved or left out.
 */
import type { Sealing } from "../types";
import { type Bytes, base64, bytesOf, fromBase64 } from "./bytes";
import { CannotDecrypt, FileTooLarge } from "./errors";

/** A message's description of an attached file; `id` is the drive's. Key and nonce, the nonces' prefix, are base 64. */
export interface SealedFile {
  readonly id: string;
  readonly name: string;
  readonly content_type: string;
  /** Bytes before encryption. */
  readonly size: number;
  readonly key: string;
  readonly nonce: string;
}

/** Bytes before encryption; only the last chunk is shorter. */
const CHUNK_BYTES = 2 ** 20;
const TAG_BYTES = 16;
/** More than this has been tried in no browser. */
const MAX_BYTES = 2 ** 30;
const PREFIX_BYTES = 7;
const ASSOCIATED_DATA = bytesOf("SecureConnect file 2");
/** Files of before were one piece, of up to 64 MB, with a nonce of their own. */
const WHOLE_NONCE_BYTES = 12;
const WHOLE_ASSOCIATED_DATA = bytesOf("SecureConnect file 1");

/** Encrypts a file. Throws FileTooLarge, or the signal's reason. */
export async function sealFile(file: Blob & { name?: string }, { signal, onProgress }: Sealing = {}): Promise<{ blob: Blob; secret: Omit<SealedFile, "id"> }> {
  if (file.size > MAX_BYTES) throw new FileTooLarge();
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const prefix = crypto.getRandomValues(new Uint8Array(PREFIX_BYTES));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const sealed: Blob[] = [];
  for (const { iv, start, end } of chunks(file.size, CHUNK_BYTES, prefix)) {
    signal?.throwIfAborted();
    const chunk = await file.slice(start, end).arrayBuffer();
    sealed.push(new Blob([await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: ASSOCIATED_DATA }, key, chunk)]));
    onProgress?.(Math.min(end, file.size));
  }
  const secret = {
    name: file.name || "file",
    content_type: file.type || "application/octet-stream",
    size: file.size,
    key: base64(raw),
    nonce: base64(prefix),
  };
  return { blob: new Blob(sealed, { type: "application/octet-stream" }), secret };
}

/** Decrypts a file. Throws CannotDecrypt if it was changed. */
export async function openFile(sealed: Blob, { key, nonce, content_type }: SealedFile): Promise<Blob> {
  try {
    const imported = await crypto.subtle.importKey("raw", fromBase64(key), "AES-GCM", false, ["decrypt"]);
    const prefix = fromBase64(nonce);
    const isWhole = prefix.length === WHOLE_NONCE_BYTES;
    const additionalData = isWhole ? WHOLE_ASSOCIATED_DATA : ASSOCIATED_DATA;
    const opened: Blob[] = [];
    for (const { iv, start, end } of isWhole ? [{ iv: prefix, start: 0, end: sealed.size }] : chunks(sealed.size, CHUNK_BYTES + TAG_BYTES, prefix))
      opened.push(new Blob([await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, imported, await sealed.slice(start, end).arrayBuffer())]));
    return new Blob(opened, { type: content_type });
  } catch (error) {
    throw new CannotDecrypt(`the file is not what was sent: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** The chunks of a file of `size` bytes with their nonces; an empty file has one. Throws RangeError for a wrong prefix. */
function* chunks(size: number, width: number, prefix: Bytes): Generator<{ iv: Bytes; start: number; end: number }> {
  if (prefix.length !== PREFIX_BYTES) throw new RangeError("a nonce of another length");
  for (let [number, start] = [0, 0]; number === 0 || start < size; number++, start += width) {
    const iv = new Uint8Array([...prefix, 0, 0, 0, 0, start + width >= size ? 1 : 0]);
    new DataView(iv.buffer).setUint32(PREFIX_BYTES, number);
    yield { iv, start, end: start + width };
  }
}

/** Parses the description of a file in a received message; null if it is malformed. */
export function asSealedFile(given: unknown): SealedFile | null {
  const { id, name, content_type, size, key, nonce } = (given ?? {}) as Record<string, unknown>;
  const texts = [id, name, content_type, key, nonce];
  return texts.every((each) => typeof each === "string") && typeof size === "number" ? ({ id, name, content_type, size, key, nonce } as SealedFile) : null;
}
