/**
 * SFrame (RFC 9605) with cipher suite 4 (AES_128_GCM_SHA256_128) over WebCrypto: headers, keys and frames. Tested with
 * the vectors of the RFC's appendix C.
 */
import { type Bytes, bytesOf } from "./bytes";

const SUITE = 4;
/** The length of a base key (Nk). */
export const BASE_KEY_BYTES = 16;
const NONCE_BYTES = 12;

/** The key and the salt of one key id (KID). */
export interface FrameKey {
  readonly key: CryptoKey;
  readonly salt: Bytes;
}

export interface Header {
  readonly kid: bigint;
  readonly ctr: bigint;
  /** In bytes. */
  readonly length: number;
}

export function joined(...parts: readonly Uint8Array[]): Bytes {
  const all = new Uint8Array(parts.reduce((sum, each) => sum + each.length, 0));
  let at = 0;
  for (const each of parts) {
    all.set(each, at);
    at += each.length;
  }
  return all;
}

function bigEndian(value: bigint, length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let n = length - 1, left = value; n >= 0; n -= 1, left >>= 8n) bytes[n] = Number(left & 0xffn);
  return bytes;
}

/** How many bytes a number takes in a header beside its four bits in the first byte (RFC 9605, section 4.3). */
const lengthOf = (value: bigint): number => (value < 8n ? 0 : Math.ceil(value.toString(16).length / 2));
const bitsOf = (value: bigint): number => (value < 8n ? Number(value) : 8 | (lengthOf(value) - 1));

export function encodeHeader(kid: bigint, ctr: bigint): Bytes {
  return joined(Uint8Array.of((bitsOf(kid) << 4) | bitsOf(ctr)), bigEndian(kid, lengthOf(kid)), bigEndian(ctr, lengthOf(ctr)));
}

/** The header at the start of `bytes`; null if they are too short for one. */
export function decodeHeader(bytes: Uint8Array): Header | null {
  let at = 1;
  const read = (bits: number): bigint | null => {
    if (bits < 8) return BigInt(bits);
    const end = at + (bits & 7) + 1;
    if (end > bytes.length) return null;
    let value = 0n;
    for (; at < end; at += 1) value = (value << 8n) | BigInt(bytes[at] ?? 0);
    return value;
  };
  const [first] = bytes;
  if (first === undefined) return null;
  const kid = read(first >> 4);
  const ctr = kid === null ? null : read(first & 15);
  return kid === null || ctr === null ? null : { kid, ctr, length: at };
}

/** A base key for `deriveKey`, which nobody can read back. */
export const importBaseKey = (bytes: Bytes): Promise<CryptoKey> =>
  crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits", "deriveKey"]);

/** The key and salt of a KID (RFC 9605, section 4.4.2). */
export async function deriveKey(baseKey: CryptoKey, kid: bigint): Promise<FrameKey> {
  const from = (what: string) => {
    const info = joined(bytesOf(`SFrame 1.0 Secret ${what} `), bigEndian(kid, 8), bigEndian(BigInt(SUITE), 2));
    return { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(), info };
  };
  const key = await crypto.subtle.deriveKey(from("key"), baseKey, { name: "AES-GCM", length: 8 * BASE_KEY_BYTES }, false, ["encrypt", "decrypt"]);
  return { key, salt: new Uint8Array(await crypto.subtle.deriveBits(from("salt"), baseKey, 8 * NONCE_BYTES)) };
}

const parameters = (salt: Bytes, ctr: bigint, header: Uint8Array, metadata: Uint8Array) => {
  const counter = bigEndian(ctr, NONCE_BYTES);
  return { name: "AES-GCM", iv: salt.map((each, n) => each ^ counter[n]!), additionalData: joined(header, metadata) };
};

/** A frame encrypted under `ctr`, which must never be used again with this key; `metadata` is authenticated with it. */
export async function sealFrame({ key, salt }: FrameKey, kid: bigint, ctr: bigint, metadata: Bytes, data: Bytes): Promise<Bytes> {
  const header = encodeHeader(kid, ctr);
  return joined(header, new Uint8Array(await crypto.subtle.encrypt(parameters(salt, ctr, header, metadata), key, data)));
}

/** The decrypted frame; `header` is what `decodeHeader` found in it. Throws DOMException if it is not authentic. */
export async function openFrame({ key, salt }: FrameKey, { ctr, length }: Header, metadata: Bytes, frame: Bytes): Promise<Bytes> {
  const sealed = frame.subarray(length);
  return new Uint8Array(await crypto.subtle.decrypt(parameters(salt, ctr, frame.subarray(0, length), metadata), key, sealed));
}
