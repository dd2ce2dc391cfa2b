/** This device: its identity, its key packages on the server, and the Welcomes that wait for it. */
import type { Api } from "../service/api";
import { ApiError } from "../service/problems";
import { base64, fromBase64 } from "./bytes";
import { CannotDecrypt } from "./errors";
import type { KeyLog } from "./key-log";
import type { Identity, MadePackage, Mls } from "./mls";
import type { People } from "./people";
import type { Shelf } from "./shelf";
import type { Vault } from "./vault";

/** How many key packages the server should have for others to claim. */
const PACKAGES_AVAILABLE = 20;
/** A package's secrets are kept a little longer than the package is valid (28 days). */
const KEEP_SECRET_MS = 30 * 86_400_000;

interface KeptPackage extends MadePackage {
  /** Epoch milliseconds. */
  readonly until: number;
  /** Whether the package is used for one Welcome only; the last-resort package may be used for many. */
  readonly once: boolean;
}

/** This device's identity for an account; created if there is none. */
export async function identityOf(mls: Mls, vault: Vault, userId: string, uuid: () => string): Promise<Identity> {
  const kept = await vault.get<Identity>("identity");
  if (kept) return kept;
  const made = await mls.newIdentity(userId, uuid());
  vault.put("identity", made);
  await vault.flush();
  return made;
}

export interface DeviceParts {
  api: Api;
  mls: Mls;
  vault: Vault;
  shelf: Shelf;
  people: People;
  keyLog: KeyLog;
  identity: Identity;
  now: () => number;
}

export class Device {
  readonly #parts: DeviceParts;

  constructor(parts: DeviceParts) {
    this.#parts = parts;
  }

  /** Registers this device under a name and uploads key packages, with which others can add it. May be repeated. */
  async register(name: string): Promise<void> {
    const { api, mls, identity, keyLog } = this.#parts;
    const body = { name, signature_key: base64(identity.signatureKey), credential: base64(mls.credential(identity)) };
    await api.put("/keys/devices/{device_id}", { path: { device_id: identity.deviceId }, body });
    await keyLog.requireRegistered(identity);
    await this.leavePackages();
  }

  /** Tops up the key packages on the server, and uploads a last-resort package for when all others are used up. */
  async leavePackages(): Promise<void> {
    const { api, mls, vault, identity, now } = this.#parts;
    const device_id = identity.deviceId;
    const { available, has_last_resort } = await api.get("/keys/packages", { query: { device_id } });
    const made: MadePackage[] = [];
    for (let n = available; n < PACKAGES_AVAILABLE; n += 1) made.push(await mls.newPackage(identity));
    const last = has_last_resort ? null : await mls.newPackage(identity);
    if (made.length === 0 && !last) return;
    const until = now() + KEEP_SECRET_MS;
    const keep = (each: MadePackage, once: boolean) => vault.put(`package/${each.reference}`, { ...each, until, once } satisfies KeptPackage);
    for (const each of made) keep(each, true);
    if (last) keep(last, false);
    for (const [key, kept] of await vault.all<KeptPackage>("package/")) if (kept.until < now()) vault.put(key, undefined);
    await vault.flush(); // secrets are stored before anybody can use the packages
    const packages = made.map(({ message }) => base64(message));
    await api.post("/keys/packages", { body: { device_id, packages, ...(last ? { last_resort: base64(last.message) } : {}) } });
  }

  /**
   * Joins groups by the Welcomes that wait for this device; returns their conversations' ids. Throws ServerMisbehaved.
   */
  async joinWaiting(): Promise<string[]> {
    const { api, identity } = this.#parts;
    const joined: string[] = [];
    for (let more = true; more; ) {
      const page = await api.get("/keys/welcomes", { query: { device_id: identity.deviceId } });
      for (const each of page.items) {
        if (await this.#join(each.conversation_id, each.epoch, each.welcome)) joined.push(each.conversation_id);
        await this.#deleteWelcome(each.id);
      }
      more = page.next_cursor !== null && page.items.length > 0;
    }
    return joined;
  }

  async #join(conversation_id: string, epoch: number, welcome: string): Promise<boolean> {
    const { api, mls, vault, shelf, people, identity } = this.#parts;
    const bytes = fromBase64(welcome);
    try {
      if ((await shelf.has(conversation_id)) && (await shelf.load(conversation_id)).group.epoch >= epoch) return false;
      const kept = await Promise.all(mls.packagesOf(bytes).map((each) => vault.get<KeptPackage>(`package/${each}`)));
      const made = kept.find((each) => each !== undefined);
      if (!made) return false; // the package's secret is gone: others have to add this device with another package
      const group = await mls.join(bytes, identity, made);
      if (group.id !== conversation_id || group.epoch !== epoch) throw new CannotDecrypt("the Welcome is of another group");
      const path = { conversation_id, epoch: String(epoch - 1) };
      const { seq } = await api.get("/conversations/{conversation_id}/mls/commits/{epoch}", { path });
      await people.requireHonest(conversation_id, group.leaves, { seq, isNew: true });
      shelf.forget(conversation_id);
      shelf.keep(conversation_id, { group, seq });
      if (made.once) vault.put(`package/${made.reference}`, undefined);
      await vault.flush();
      return true;
    } catch (error) {
      if (error instanceof CannotDecrypt) return false;
      if (error instanceof ApiError && error.status === 404) return false; // this person is no member any more
      throw error;
    }
  }

  async #deleteWelcome(welcome_id: string): Promise<void> {
    try {
      await this.#parts.api.delete("/keys/welcomes/{welcome_id}", { path: { welcome_id } });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error; // on 404 another tab has deleted it
    }
  }
}
