/**
 * A client of the key log: every answer is verified against a signed head of a log that only grows, and the last
 * verified head is stored. So a server that later shows a different past is detected.
 */
import type { Answer, Api } from "../service/api";
import { ApiError } from "../service/problems";
import { bytesOf, fromBase64Url, fromHex, hex, sha256, textOf } from "./bytes";
import { GhostDevice, LogTampered } from "./errors";
import { leafHash, requireConsistency, requireInclusion } from "./merkle";
import type { Leaf } from "./mls";
import type { Vault } from "./vault";

type Entry = Answer<"get", "/keys/log">["items"][number];

interface Head {
  readonly size: number;
  /** Hex. */
  readonly root: string;
}

const HEAD = "key-log/head";
const PAGE = 100;
/** Attempts to read a log that grows while it is read. */
const MAX_TRIES = 5;

export interface KeyLogParts {
  api: Api;
  vault: Vault;
}

export class KeyLog {
  readonly #parts: KeyLogParts;
  readonly #keys = new Map<string, CryptoKey>();
  readonly #current = new Map<string, ReadonlyMap<string, string>>();
  readonly #everRegistered = new Map<string, ReadonlySet<string>>();

  constructor(parts: KeyLogParts) {
    this.#parts = parts;
  }

  /** Reads a person's entries; returns the hash (hex) of each device's present key. Throws LogTampered. */
  async refresh(userId: string): Promise<ReadonlyMap<string, string>> {
    let entries = await this.#entries(userId, []);
    for (let attempt = 0; entries.length > 0 && !(await this.#prove(userId, entries.at(-1)!)); attempt += 1) {
      if (attempt === MAX_TRIES) throw new LogTampered("the key log keeps back an entry that it proves");
      entries = await this.#entries(userId, entries); // a newer entry was added meanwhile
    }
    const present = new Map<string, string>();
    for (const each of entries) {
      if (each.action === "removed") present.delete(each.device_id);
      else present.set(each.device_id, each.key_hash);
    }
    this.#current.set(userId, present);
    this.#everRegistered.set(userId, new Set(entries.map((each) => `${each.device_id}/${each.key_hash}`)));
    return present;
  }

  /** Throws GhostDevice unless the log has this key as the present one of this device. */
  async requireRegistered(leaf: Leaf): Promise<void> {
    const wanted = hex(await sha256(leaf.signatureKey));
    if (this.#current.get(leaf.userId)?.get(leaf.deviceId) === wanted) return;
    if ((await this.refresh(leaf.userId)).get(leaf.deviceId) === wanted) return;
    throw new GhostDevice(`${leaf.userId} has not registered this key for ${leaf.deviceId}`);
  }

  /** Throws GhostDevice unless the log has this key as a present or past one of this device. */
  async requireEverRegistered(leaf: Leaf): Promise<void> {
    const wanted = `${leaf.deviceId}/${hex(await sha256(leaf.signatureKey))}`;
    if (this.#everRegistered.get(leaf.userId)?.has(wanted)) return;
    await this.refresh(leaf.userId);
    if (!this.#everRegistered.get(leaf.userId)?.has(wanted)) throw new GhostDevice(`${leaf.userId} has never registered this key for ${leaf.deviceId}`);
  }

  /** The known entries and all later ones. */
  async #entries(user_id: string, known: readonly Entry[]): Promise<Entry[]> {
    const entries = [...known];
    for (let more = true; more; ) {
      try {
        const page = await this.#parts.api.get("/keys/log", { query: { user_id, after: entries.at(-1)?.n ?? 0, limit: PAGE } });
        entries.push(...page.items);
        more = page.next_cursor !== null;
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return [];
        throw error;
      }
    }
    const ordered = entries.every((each, n) => each.user_id === user_id && each.n > (entries[n - 1]?.n ?? 0));
    if (!ordered) throw new LogTampered("the key log is not in order");
    return entries;
  }

  /**
   * Verifies that a person's last entry is in the log, and that the log is a continuation of the one last verified.
   * False if the person has a later entry by now.
   */
  async #prove(user_id: string, last: Entry): Promise<boolean> {
    const { api, vault } = this.#parts;
    const known = (await vault.get<Head>(HEAD)) ?? { size: 0, root: "" };
    const proof = await api.get("/keys/log/proof", { query: { user_id, from: known.size } });
    if (proof.entry.n > last.n) return false;
    const hash = await leafHash(proof.entry);
    if (hex(hash) !== hex(await leafHash(last))) throw new LogTampered("the key log and its proof do not speak of the same entry");
    const head = await this.#verifyHead(proof.head);
    if (head.size !== proof.size) throw new LogTampered("the key log and its head have not the same size");
    const root = fromHex(head.root);
    await requireInclusion({ hash, index: proof.index, size: head.size, proof: proof.inclusion.map(fromHex), root });
    await requireConsistency({ earlier: known.size, earlierRoot: fromHex(known.root), size: head.size, root, proof: proof.consistency.map(fromHex) });
    vault.put(HEAD, { size: head.size, root: head.root } satisfies Head);
    return true;
  }

  /** Verifies a signed head (a JWS, ES256) and returns its content. Throws LogTampered. */
  async #verifyHead(token: string): Promise<Head> {
    const [header = "", payload = "", signature = ""] = token.split(".");
    const { kid } = parsed(header) as { kid?: string };
    const key = kid === undefined ? undefined : await this.#key(kid);
    const good =
      key !== undefined &&
      (await crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, fromBase64Url(signature), bytesOf(`${header}.${payload}`)));
    if (!good) throw new LogTampered("the head of the key log is not signed by the server");
    return parsed(payload) as unknown as Head;
  }

  async #key(kid: string): Promise<CryptoKey | undefined> {
    if (!this.#keys.has(kid)) {
      const { keys } = (await this.#parts.api.get("/.well-known/jwks.json")) as unknown as { keys: (JsonWebKey & { kid: string })[] };
      for (const { kid: name, kty, crv, x, y } of keys) {
        const curve = { name: "ECDSA", namedCurve: "P-256" };
        this.#keys.set(name, await crypto.subtle.importKey("jwk", { kty, crv, x, y } as JsonWebKey, curve, false, ["verify"]));
      }
    }
    return this.#keys.get(kid);
  }
}

function parsed(part: string): Record<string, unknown> {
  try {
    return JSON.parse(textOf(fromBase64Url(part)));
  } catch {
    throw new LogTampered("the head of the key log cannot be read");
  }
}
