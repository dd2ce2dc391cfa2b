/** The SHA-256 of a file, in hex. Large files are hashed in chunks, since WebCrypto needs the whole input in memory. */
const MAX_WHOLE_BYTES = 16 * 2 ** 20;
const CHUNK_BYTES = 4 * 2 ** 20;

export async function sha256Hex(file: Blob): Promise<string> {
  if (file.size <= MAX_WHOLE_BYTES) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  const { sha256 } = await import("@noble/hashes/sha2.js");
  const hash = sha256.create();
  for (let start = 0; start < file.size; start += CHUNK_BYTES) {
    hash.update(new Uint8Array(await file.slice(start, start + CHUNK_BYTES).arrayBuffer()));
  }
  return hex(hash.digest());
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}
