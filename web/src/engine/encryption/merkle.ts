/** Verification of proofs in the key log's Merkle tree (RFC 9162, 2.1). Hashes are 32 bytes. */
import { type Bytes, bytesOf, equal, sha256 } from "./bytes";
import { LogTampered } from "./errors";

/**
 * The leaf hash of an entry, over its canonical JSON (RFC 8785); sorting suffices for ASCII names and whole numbers.
 */
export function leafHash(entry: object): Promise<Bytes> {
  const sorted = Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
  return sha256(new Uint8Array([0, ...bytesOf(JSON.stringify(sorted))]));
}

const hashOfPair = (left: Bytes, right: Bytes): Promise<Bytes> => sha256(new Uint8Array([1, ...left, ...right]));

/** Throws LogTampered unless this hash is leaf `index` of the tree of `size` leaves with this root (2.1.3.2). */
export async function requireInclusion(given: { hash: Bytes; index: number; size: number; proof: readonly Bytes[]; root: Bytes }): Promise<void> {
  const { hash, index, size, proof, root } = given;
  if (index < 0 || index >= size) throw new LogTampered("the entry lies outside of the log");
  let [at, last, found] = [index, size - 1, hash];
  for (const each of proof) {
    if (last === 0) throw new LogTampered("the proof is too long");
    if (at % 2 === 1 || at === last) {
      found = await hashOfPair(each, found);
      while (at !== 0 && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else found = await hashOfPair(found, each);
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !equal(found, root)) throw new LogTampered("the entry is not in the log");
}

/** Throws LogTampered unless the log of `size` entries begins with the log of `earlier` entries (2.1.4.2). */
export async function requireConsistency(given: { earlier: number; earlierRoot: Bytes; size: number; root: Bytes; proof: readonly Bytes[] }): Promise<void> {
  const { earlier, earlierRoot, size, root, proof } = given;
  if (earlier > size) throw new LogTampered("the log has become shorter");
  if (earlier === 0 || earlier === size) {
    if (proof.length > 0 || (earlier === size && !equal(earlierRoot, root))) throw new LogTampered("the log has two pasts");
    return;
  }
  const [first, ...path] = isPowerOfTwo(earlier) ? [earlierRoot, ...proof] : proof;
  if (!first) throw new LogTampered("the proof is missing");
  let [at, last] = [earlier - 1, size - 1];
  while (at % 2 === 1) [at, last] = [half(at), half(last)];
  let [before, now] = [first, first];
  for (const each of path) {
    if (last === 0) throw new LogTampered("the proof is too long");
    if (at % 2 === 1 || at === last) {
      [before, now] = [await hashOfPair(each, before), await hashOfPair(each, now)];
      while (at !== 0 && at % 2 === 0) [at, last] = [half(at), half(last)];
    } else now = await hashOfPair(now, each);
    [at, last] = [half(at), half(last)];
  }
  if (last !== 0 || !equal(before, earlierRoot) || !equal(now, root)) throw new LogTampered("the log has two pasts");
}

/** Not a shift, since JavaScript's shifts have only 32 bits. */
const half = (n: number): number => Math.floor(n / 2);
const isPowerOfTwo = (n: number): boolean => Number.isInteger(Math.log2(n));
