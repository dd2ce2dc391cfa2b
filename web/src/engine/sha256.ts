/** The SHA-256 of a file, in hex: at once where it is small, else piece by piece, since WebCrypto wants all of it in memory. */
const WHOLE_BYTES = 16 * 2 ** 20;
const PIECE_BYTES = 4 * 2 ** 20;

export async function sha256Hex(file: Blob): Promise<string> {
  if (file.size <= WHOLE_BYTES) return hex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  const { sha256 } = await import("@noble/hashes/sha2.js");
  const hash = sha256.create();
  for (let start = 0; start < file.size; start += PIECE_BYTES) {
    hash.update(new Uint8Array(await file.slice(start, start + PIECE_BYTES).arrayBuffer()));
  }
  return hex(hash.digest());
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (each) => each.toString(16).padStart(2, "0")).join("");
}
