/** Conversions between bytes and text (UTF-8, base 64, hex), and SHA-256. */

const utf8 = new TextEncoder();
/** Throws TypeError for invalid UTF-8. */
const strict = new TextDecoder("utf-8", { fatal: true });

export const bytesOf = (text: string): Bytes => utf8.encode(text);
export const textOf = (bytes: Uint8Array): string => strict.decode(bytes);

/** Bytes in an ArrayBuffer of their own, as the types of WebCrypto require. */
export type Bytes = Uint8Array<ArrayBuffer>;
export const owned = (bytes: Uint8Array): Bytes => new Uint8Array(bytes);

export function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const each of bytes) binary += String.fromCharCode(each);
  return btoa(binary);
}

/** Throws DOMException for invalid base 64. */
export function fromBase64(text: string): Bytes {
  return Uint8Array.from(atob(text), (each) => each.charCodeAt(0));
}

export const fromBase64Url = (text: string): Bytes => fromBase64(text.replace(/-/g, "+").replace(/_/g, "/"));

export const hex = (bytes: Uint8Array): string => Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");

export const fromHex = (text: string): Bytes => Uint8Array.from(text.match(/../g) ?? [], (each) => parseInt(each, 16));

export const equal = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((each, n) => each === b[n]);

export async function sha256(bytes: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The SHA-256 of a ciphertext, both in base 64. */
export const hashOf = async (ciphertext: string): Promise<string> => base64(await sha256(fromBase64(ciphertext)));
