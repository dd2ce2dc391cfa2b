/** A fake of the server's part in end-to-end encryption: devices, key packages, the key log, groups. Parses no MLS. */
import type { Api } from "../service/api";
import { base64, bytesOf, hex, sha256, fromBase64 } from "../encryption/bytes";
import { leafHash } from "../encryption/merkle";
import { ApiError } from "../service/problems";

interface Entry {
  n: number;
  user_id: string;
  device_id: string;
  action: "added" | "changed" | "removed";
  key_hash: string;
  at: string;
}
interface Device {
  user_id: string;
  device_id: string;
  signature_key: string;
  packages: string[];
  last_resort?: string;
}
interface Row {
  seq: number;
  type: string;
  actor_id: string;
  conversation_id: string;
  at: string;
  data: Record<string, unknown>;
}

const AT = "2026-11-29T12:00:00.000Z";
const refuse = (status: number, code: string, more = {}): never => {
  throw new ApiError({ status, code, ...more });
};

export class FakeDelivery {
  readonly entries: Entry[] = [];
  readonly devices: Device[] = [];
  readonly members = new Map<string, string[]>();
  readonly logs = new Map<string, Row[]>();
  readonly epochs = new Map<string, number>();
  readonly rekeyDue = new Set<string>();
  readonly welcomes: { id: string; device: string; conversation_id: string; epoch: number; welcome: string }[] = [];
  /** Called before each request; may throw. */
  before: (route: string) => void = () => undefined;
  /** Called after a request was executed, before it is answered; may throw. */
  after: (route: string) => void = () => undefined;
  readonly #key = crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  #next = 0;

  make(id: string, ...members: string[]): string {
    this.members.set(id, members);
    this.logs.set(id, []);
    this.epochs.set(id, 0);
    this.append(id, members[0] ?? "", "conversation.created", {});
    return id;
  }

  append(id: string, actor_id: string, type: string, data: Record<string, unknown>): Row {
    const log = this.logs.get(id) ?? [];
    const row = { seq: log.length + 1, type, actor_id, conversation_id: id, at: AT, data };
    log.push(row);
    return row;
  }

  /** The API as this person. */
  api(userId: string): Api {
    const call =
      (method: string) =>
      async (route: string, { path = {}, query = {}, body = {} }: Record<string, Record<string, never>> = {}) => {
        this.before(`${method} ${route}`);
        const answer = await this.#answer(userId, `${method} ${route}`, { ...path, ...query, ...body } as never);
        this.after(`${method} ${route}`);
        return structuredClone(answer);
      };
    return { get: call("GET"), post: call("POST"), put: call("PUT"), patch: call("PATCH"), delete: call("DELETE") } as unknown as Api;
  }

  async change(user_id: string, device_id: string, action: Entry["action"], signature_key: string): Promise<void> {
    const key_hash = hex(await sha256(fromBase64(signature_key)));
    const entry = { n: this.entries.length + 1, user_id, device_id, action, key_hash, at: AT };
    this.entries.push(entry);
    for (const [id, members] of this.members) {
      if (!members.includes(user_id)) continue;
      this.append(id, user_id, "keys.changed", { ...entry });
      if (action !== "added") this.rekeyDue.add(id);
    }
  }

  async remove(user_id: string, device_id: string): Promise<void> {
    const at = this.devices.findIndex((each) => each.user_id === user_id && each.device_id === device_id);
    const [gone] = this.devices.splice(at, 1);
    if (gone) await this.change(user_id, device_id, "removed", gone.signature_key);
  }

  async #answer(me: string, route: string, given: Record<string, any>): Promise<unknown> {
    const id: string = given.conversation_id ?? "";
    const log = this.logs.get(id) ?? [];
    if (id && !this.members.get(id)?.includes(me)) refuse(404, "not_found");
    switch (route) {
      case "PUT /keys/devices/{device_id}": {
        const { device_id, signature_key } = given;
        if (!this.devices.some((each) => each.user_id === me && each.device_id === device_id)) {
          this.devices.push({ user_id: me, device_id, signature_key, packages: [] });
          await this.change(me, device_id, "added", signature_key);
        }
        return {};
      }
      case "GET /keys/devices":
        return { items: this.devices.filter((each) => given.user_ids.includes(each.user_id)) };
      case "GET /keys/packages":
        return { available: this.#own(me, given.device_id).packages.length, has_last_resort: "last_resort" in this.#own(me, given.device_id) };
      case "POST /keys/packages":
        if (given.last_resort) this.#own(me, given.device_id).last_resort = given.last_resort;
        return { available: this.#own(me, given.device_id).packages.push(...given.packages) };
      case "POST /keys/claims": {
        const found = this.devices.filter((each) => given.user_ids.includes(each.user_id));
        const packages = found.flatMap((each) => {
          const one = each.packages.shift() ?? each.last_resort;
          return one === undefined ? [] : [{ ...each, package: one }];
        });
        return { packages, missing: [] };
      }
      case "GET /keys/log": {
        const items = this.entries.filter((each) => each.user_id === given.user_id && each.n > given.after);
        return { items, next_cursor: null };
      }
      case "GET /keys/log/proof":
        return this.#proof(given.user_id, given.from);
      case "GET /.well-known/jwks.json":
        return { keys: [{ ...(await crypto.subtle.exportKey("jwk", (await this.#key).publicKey)), kid: "k" }] };
      case "GET /keys/welcomes":
        return { items: this.welcomes.filter((each) => each.device === `${me}/${given.device_id}`), next_cursor: null };
      case "DELETE /keys/welcomes/{welcome_id}":
        return void this.welcomes.splice(this.welcomes.findIndex((each) => each.id === given.welcome_id), 1);
      case "GET /conversations/{conversation_id}/members":
        return { items: this.members.get(id)?.map((each) => ({ user: { id: each } })), next_cursor: null };
      case "GET /conversations/{conversation_id}/events":
        return { items: log.filter((each) => each.seq > given.after), next_cursor: null };
      case "GET /conversations/{conversation_id}/mls/commits/{epoch}": {
        const found = log.find((each) => each.type === "mls.commit" && String(each.data.epoch) === given.epoch);
        return found ? { ...found.data, seq: found.seq } : refuse(404, "not_found");
      }
      case "POST /conversations/{conversation_id}/mls/commits": {
        const epoch = this.epochs.get(id) ?? 0;
        if (given.epoch !== epoch) refuse(409, "epoch_conflict", { epoch });
        const { seq } = this.append(id, me, "mls.commit", { epoch, sender_device: null, size: 1, commit: given.commit });
        this.epochs.set(id, epoch + 1);
        this.rekeyDue.delete(id);
        const people = this.members.get(id) ?? [];
        for (const { device_ids, welcome } of given.welcomes ?? []) {
          for (const each of this.devices.filter((one) => people.includes(one.user_id) && device_ids.includes(one.device_id))) {
            this.welcomes.push({ id: `wel_${(this.#next += 1)}`, device: `${each.user_id}/${each.device_id}`, conversation_id: id, epoch: epoch + 1, welcome });
          }
        }
        return { epoch: epoch + 1, seq };
      }
      case "POST /conversations/{conversation_id}/mls/changes": {
        const { client_id, ciphertext } = given;
        this.#requireCurrent(id, ciphertext);
        return { seq: this.append(id, me, "mls.change", { client_id, sender_device: null, ciphertext }).seq };
      }
    }
    return refuse(404, "not_found");
  }

  /** Posts an encrypted message; refused if it is not of the present epoch, or if the group needs new keys first. */
  post(id: string, sender_id: string, body: { client_id: string; ciphertext?: string | null | undefined }): Record<string, unknown> {
    const known = this.logs.get(id)?.find((each) => each.data.client_id === body.client_id && each.data.sender_id === sender_id);
    if (known) return known.data;
    this.#requireCurrent(id, body.ciphertext ?? "");
    return this.say(id, sender_id, body.client_id, body.ciphertext ?? "").data;
  }

  /** Appends an encrypted message without checks; returns its event. */
  say(id: string, sender_id: string, client_id: string, ciphertext: string): Row {
    const fields = { id: `msg_${(this.#next += 1)}`, conversation_id: id, seq: (this.logs.get(id)?.length ?? 0) + 1, client_id, sender_id, type: "encrypted", ciphertext, text: null, attachments: [], reactions: [], metadata: {}, deleted_at: null, expires_at: null };
    return this.append(id, sender_id, "message.created", fields);
  }

  #requireCurrent(id: string, ciphertext: string): void {
    if (this.rekeyDue.has(id)) refuse(409, "rekey_required");
    const epoch = this.epochs.get(id) ?? 0;
    if (epochOf(fromBase64(ciphertext)) !== epoch) refuse(409, "epoch_old", { epoch });
  }

  #own(user_id: string, device_id: string): Device {
    return this.devices.find((each) => each.user_id === user_id && each.device_id === device_id) ?? refuse(404, "not_found");
  }

  async #proof(user_id: string, from: number) {
    const entry = this.entries.findLast((each) => each.user_id === user_id) ?? refuse(404, "not_found");
    const hashes = await Promise.all(this.entries.map(leafHash));
    const size = hashes.length;
    const root = hex(await rootOf(hashes));
    const [header, payload] = [{ alg: "ES256", kid: "k" }, { size, root, at: AT }].map((each) => url(bytesOf(JSON.stringify(each))));
    const signed = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, (await this.#key).privateKey, bytesOf(`${header}.${payload}`));
    return {
      entry,
      index: entry.n - 1,
      size,
      inclusion: (await inclusion(entry.n - 1, hashes)).map(hex),
      consistency: from > 0 && from < size ? (await consistency(from, hashes, true)).map(hex) : [],
      head: `${header}.${payload}.${url(new Uint8Array(signed))}`,
    };
  }
}

/**
 * The epoch of a PrivateMessage (RFC 9420, 6), which follows two 2-byte numbers and the group's id with a 1-byte
 * length.
 */
function epochOf(message: Uint8Array<ArrayBuffer>): number {
  return Number(new DataView(message.buffer).getBigUint64(5 + (message[4] ?? 0)));
}

// --- the Merkle tree, by the recursive definitions of RFC 9162 (2.1)

type Hash = Uint8Array<ArrayBuffer>;
const url = (bytes: Uint8Array): string => base64(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
const split = (n: number): number => 2 ** Math.ceil(Math.log2(n) - 1);

async function rootOf(hashes: Hash[]): Promise<Hash> {
  const [first] = hashes;
  if (hashes.length <= 1 || !first) return first ?? sha256(new Uint8Array());
  const k = split(hashes.length);
  return sha256(new Uint8Array([1, ...(await rootOf(hashes.slice(0, k))), ...(await rootOf(hashes.slice(k)))]));
}

async function inclusion(m: number, hashes: Hash[]): Promise<Hash[]> {
  if (hashes.length === 1) return [];
  const k = split(hashes.length);
  if (m < k) return [...(await inclusion(m, hashes.slice(0, k))), await rootOf(hashes.slice(k))];
  return [...(await inclusion(m - k, hashes.slice(k))), await rootOf(hashes.slice(0, k))];
}

async function consistency(m: number, hashes: Hash[], whole: boolean): Promise<Hash[]> {
  if (m === hashes.length) return whole ? [] : [await rootOf(hashes)];
  const k = split(hashes.length);
  if (m <= k) return [...(await consistency(m, hashes.slice(0, k), whole)), await rootOf(hashes.slice(k))];
  return [...(await consistency(m - k, hashes.slice(k), false)), await rootOf(hashes.slice(0, k))];
}
