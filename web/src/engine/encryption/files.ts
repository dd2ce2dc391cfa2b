/** Files of encrypted conversations: each is encrypted with its own key, which is sent inside the encrypted message. */
import { type Bytes, base64, bytesOf, fromBase64 } from "./bytes";
import { CannotDecrypt } from "./errors";

/** A message's description of an attached file; `id` is the drive's. Key (AES-256-GCM) and nonce are base 64. */
export interface SealedFile {
  readonly id: string;
  readonly name: string;
  readonly content_type: string;
  /** Bytes before encryption. */
  readonly size: number;
  readonly key: string;
  readonly nonce: string;
}

const ASSOCIATED_DATA = bytesOf("SecureConnect file 1");

export async function sealFile(file: Blob & { name?: string }): Promise<{ blob: Blob; secret: Omit<SealedFile, "id"> }> {
  const raw = crypto.getRandomValues(new Uint8Array(32));
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt"]);
  const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData: ASSOCIATED_DATA }, key, await file.arrayBuffer());
  const secret = {
    name: file.name || "file",
    content_type: file.type || "application/octet-stream",
    size: file.size,
    key: base64(raw),
    nonce: base64(iv),
  };
  return { blob: new Blob([sealed], { type: "application/octet-stream" }), secret };
}

/** Decrypts a file. Throws CannotDecrypt if it was changed. */
export async function openFile(sealed: Bytes, { key, nonce, content_type }: SealedFile): Promise<Blob> {
  try {
    const imported = await crypto.subtle.importKey("raw", fromBase64(key), "AES-GCM", false, ["decrypt"]);
    const given = { name: "AES-GCM", iv: fromBase64(nonce), additionalData: ASSOCIATED_DATA };
    return new Blob([await crypto.subtle.decrypt(given, imported, sealed)], { type: content_type });
  } catch (error) {
    throw new CannotDecrypt(`the file is not what was sent: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Parses the description of a file in a received message; null if it is malformed. */
export function asSealedFile(given: unknown): SealedFile | null {
  const { id, name, content_type, size, key, nonce } = (given ?? {}) as Record<string, unknown>;
  const texts = [id, name, content_type, key, nonce];
  return texts.every((each) => typeof each === "string") && typeof size === "number" ? ({ id, name, content_type, size, key, nonce } as SealedFile) : null;
}
