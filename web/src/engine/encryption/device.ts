/** This device: its identity, the key packages it leaves for others, the Welcomes that wait for it. */
import type { Api } from "../api";
import { ApiError } from "../problems";
import { base64, fromBase64 } from "./bytes";
import { CannotDecrypt } from "./errors";
import type { KeyLog } from "./key-log";
import type { Identity, MadePackage, Mls } from "./mls";
import type { People } from "./people";
import type { Shelf } from "./shelf";
import type { Vault } from "./vault";

/** That wait to be claimed. */
const PACKAGES = 20;
/** The secrets of a package are kept a little longer than others may use it. */
const SECRET_KEPT_MS = 30 * 86_400_000;

interface KeptPackage extends MadePackage {
  /** Epoch milliseconds. */
  readonly until: number;
  /** Good for one Welcome; the one of last resort is good for many. */
  readonly once: boolean;
}

/** The identity of this device for an account, made when there is none. */
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

  /** Registers this device under a name, and leaves key packages for others to add it by. Again is fine. */
  async register(name: string): Promise<void> {
    const { api, mls, identity, keyLog } = this.#parts;
    const body = { name, signature_key: base64(identity.signatureKey), credential: base64(mls.credential(identity)) };
    await api.put("/keys/devices/{device_id}", { path: { device_id: identity.deviceId }, body });
    await keyLog.requireRegistered(identity);
    await this.leavePackages();
  }

  /** Fills up the key packages that wait, and leaves one of last resort, for when they are used up while nobody is here. */
  async leavePackages(): Promise<void> {
    const { api, mls, vault, identity, now } = this.#parts;
    const device_id = identity.deviceId;
    const { available, has_last_resort } = await api.get("/keys/packages", { query: { device_id } });
    const made: MadePackage[] = [];
    for (let n = available; n < PACKAGES; n += 1) made.push(await mls.newPackage(identity));
    const last = has_last_resort ? null : await mls.newPackage(identity);
    if (made.length === 0 && !last) return;
    const until = now() + SECRET_KEPT_MS;
    const keep = (each: MadePackage, once: boolean) => vault.put(`package/${each.reference}`, { ...each, until, once } satisfies KeptPackage);
    for (const each of made) keep(each, true);
    if (last) keep(last, false);
    for (const [key, kept] of await vault.all<KeptPackage>("package/")) if (kept.until < now()) vault.put(key, undefined);
    await vault.flush(); // before anybody can use them
    const packages = made.map(({ message }) => base64(message));
    await api.post("/keys/packages", { body: { device_id, packages, ...(last ? { last_resort: base64(last.message) } : {}) } });
  }

  /** Opens the Welcomes that wait for this device; the conversations that it is in by them. Throws ServerMisbehaved. */
  async joinWaiting(): Promise<string[]> {
    const { api, identity } = this.#parts;
    const joined: string[] = [];
    for (let more = true; more; ) {
      const page = await api.get("/keys/welcomes", { query: { device_id: identity.deviceId } });
      for (const each of page.items) {
        if (await this.#join(each.conversation_id, each.epoch, each.welcome)) joined.push(each.conversation_id);
        await this.#putAway(each.id);
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
      if (!made) return false; // its package is gone: who wants this device in asks for another
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
      if (error instanceof ApiError && error.status === 404) return false; // no member any more
      throw error;
    }
  }

  async #putAway(welcome_id: string): Promise<void> {
    try {
      await this.#parts.api.delete("/keys/welcomes/{welcome_id}", { path: { welcome_id } });
    } catch (error) {
      if (!(error instanceof ApiError && error.status === 404)) throw error; // another tab was here
    }
  }
}
