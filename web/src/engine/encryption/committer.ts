/**
 * Changes the group: adds and removes devices, updates keys. One commit wins in each epoch; the others are made again.
 */
import type { Api } from "../service/api";
import { ApiError } from "../service/problems";
import { type Bytes, base64, fromBase64 } from "./bytes";
import { CannotDecrypt, GhostDevice, KeySwapped, NoRest, NotInGroup } from "./errors";
import type { KeyLog } from "./key-log";
import { type Group, type Leaf, type MadeCommit, type Mls, isUnbegun, nameOf } from "./mls";
import type { People } from "./people";
import type { LogReader } from "./reader";
import type { Shelf } from "./shelf";

/** Attempts to make a commit while other commits win. */
export const TRIES = 8;
const CLAIMED_AT_ONCE = 100;

export interface CommitterParts {
  api: Api;
  mls: Mls;
  shelf: Shelf;
  people: People;
  keyLog: KeyLog;
  reader: LogReader;
  own: Leaf;
  uuid: () => string;
}

export class Committer {
  readonly #parts: CommitterParts;

  constructor(parts: CommitterParts) {
    this.#parts = parts;
  }

  async update(conversationId: string): Promise<void> {
    await this.#commit(conversationId, (group) => group.update());
  }

  /**
   * Adds missing devices of members, and removes devices that are gone. Returns the ids of devices that could not be
   * added, for lack of a valid key package. With `rekey` the group gets new keys in any case. Throws KeySwapped,
   * GhostDevice, NotInGroup, NoRest.
   */
  async reconcile(conversationId: string, { rekey = false } = {}): Promise<readonly string[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#reconcile(conversationId, rekey);
      } catch (error) {
        // a device was removed since it was listed, so the server refuses its Welcome
        if (!(error instanceof ApiError && error.code === "validation_failed") || attempt === TRIES) throw error;
      }
    }
  }

  async #reconcile(conversationId: string, rekey: boolean): Promise<readonly string[]> {
    const { own, people } = this.#parts;
    const group = await this.#current(conversationId);
    const wanted = new Map((await people.devices(conversationId)).map((each) => [nameOf(each), each]));
    const goneOf = async ({ leaves }: Group) => {
      const stale = await people.stale(conversationId, leaves);
      return leaves.filter((each) => nameOf(each) !== nameOf(own) && (!wanted.has(nameOf(each)) || stale.has(nameOf(each))));
    };
    const gone = (await goneOf(group)).length > 0;
    const remove = async (now: Group) => {
      const found = await goneOf(now);
      return found.length > 0 ? now.remove(found) : null;
    };
    if (gone) await this.#commit(conversationId, remove);
    let present = new Set((await this.#current(conversationId)).leaves.map(nameOf));
    const missing = [...wanted.values()].filter((each) => !present.has(nameOf(each)));
    const packages = missing.length > 0 ? await this.#claim(missing) : new Map<string, { leaf: Leaf; message: Bytes }>();
    if (packages.size > 0) {
      let added: Leaf[] = [];
      await this.#commit(
        conversationId,
        async (now) => {
          present = new Set(now.leaves.map(nameOf)); // another device may have been faster
          const coming = [...packages].filter(([name]) => !present.has(name)).map(([, each]) => each);
          added = coming.map(({ leaf }) => leaf);
          return coming.length > 0 ? now.add(coming.map(({ message }) => message)) : null;
        },
        () => added,
      );
    }
    if (rekey && !gone) await this.update(conversationId);
    return missing.filter((each) => !packages.has(nameOf(each))).map(({ deviceId }) => deviceId);
  }

  /** Removes leaves of people and devices that have left; to be called before a message is encrypted. */
  async settle(conversationId: string): Promise<void> {
    const { leaves } = await this.#current(conversationId);
    if ((await this.#parts.people.stale(conversationId, leaves)).size > 0) await this.reconcile(conversationId);
  }

  /** Claims a key package of each of these devices, and verifies that its key is in the key log; some may have none. */
  async #claim(wanted: readonly Leaf[]): Promise<Map<string, { leaf: Leaf; message: Bytes }>> {
    const { api, mls, keyLog } = this.#parts;
    const names = new Set(wanted.map(nameOf));
    const userIds = [...new Set(wanted.map(({ userId }) => userId))].sort();
    const found = new Map<string, { leaf: Leaf; message: Bytes }>();
    for (let start = 0; start < userIds.length; start += CLAIMED_AT_ONCE) {
      const { packages } = await api.post("/keys/claims", { body: { user_ids: userIds.slice(start, start + CLAIMED_AT_ONCE) } });
      for (const each of packages) {
        const message = fromBase64(each.package);
        const leaf = leafOr(mls, message);
        if (!leaf) continue; // expired, or one of the clocks is wrong: a later attempt claims another one
        if (leaf.userId !== each.user_id || leaf.deviceId !== each.device_id) throw new KeySwapped(`a package for ${each.user_id} names somebody else`);
        try {
          await keyLog.requireRegistered(leaf);
        } catch (error) {
          if (error instanceof GhostDevice) throw new KeySwapped(error.message);
          throw error;
        }
        if (names.has(nameOf(leaf))) found.set(nameOf(leaf), { leaf, message });
      }
    }
    return found;
  }

  /**
   * Makes a commit and sends it; makes it again if another commit won the epoch. `make` returns null if there is
   * nothing left to do.
   */
  async #commit(conversation_id: string, make: (group: Group) => Promise<MadeCommit | null>, added: () => readonly Leaf[] = () => []): Promise<void> {
    const { api, shelf, reader, uuid } = this.#parts;
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const group = await this.#current(conversation_id);
      const made = await make(group);
      if (!made) return;
      const commit = base64(made.message);
      shelf.setPending(conversation_id, { message: commit, next: made.next.bytes });
      await shelf.vault.flush(); // if the answer is lost, the log tells whether the commit was accepted
      const welcomes = made.welcome ? [{ device_ids: added().map(({ deviceId }) => deviceId), welcome: base64(made.welcome) }] : [];
      try {
        const body = { client_id: uuid(), epoch: group.epoch, commit, welcomes };
        await api.post("/conversations/{conversation_id}/mls/commits", { path: { conversation_id }, body });
      } catch (error) {
        if (!(error instanceof ApiError && error.code === "epoch_conflict")) throw error;
        if (!isUnbegun(group)) continue;
        shelf.forget(conversation_id); // another device created the group, and this device cannot see its first commit
        throw new NotInGroup("another device began the group first");
      }
      await reader.catchUp(conversation_id);
      return;
    }
    throw new NoRest();
  }

  /** The group after all commits in the log. */
  async #current(conversationId: string): Promise<Group> {
    await this.#parts.reader.catchUp(conversationId);
    return (await this.#parts.shelf.load(conversationId)).group;
  }
}

function leafOr(mls: Mls, message: Bytes): Leaf | null {
  try {
    return mls.leafOfPackage(message);
  } catch (error) {
    if (error instanceof CannotDecrypt) return null;
    throw error;
  }
}
