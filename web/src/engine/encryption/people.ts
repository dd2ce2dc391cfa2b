/**
 * The people and devices that belong to a conversation's group, verified against the key log.
 *
 * The server accepts any commit as new keys, even one made before its sender knew that somebody left; and a person who
 * leaves and returns at once may have missed commits. So people and devices that left are stored as gone until a commit
 * has removed them from the group.
 */
import type { Api, Event } from "../service/api";
import { allItems } from "../service/pages";
import { fromBase64, hex, sha256 } from "./bytes";
import { GhostDevice } from "./errors";
import type { KeyLog } from "./key-log";
import { type Leaf, nameOf } from "./mls";
import type { Shelf } from "./shelf";

const PAGE = 100;

export interface PeopleParts {
  api: Api;
  keyLog: KeyLog;
  shelf: Shelf;
  own: { readonly userId: string; readonly deviceId: string };
}

export class People {
  readonly #parts: PeopleParts;

  constructor(parts: PeopleParts) {
    this.#parts = parts;
  }

  async members(conversation_id: string): Promise<string[]> {
    const path = { conversation_id };
    const found = await allItems((query) => this.#parts.api.get("/conversations/{conversation_id}/members", { path, query }));
    return found.flatMap((each) => (each.user ? [each.user.id] : []));
  }

  /** The devices of all members, each verified against the key log. Throws GhostDevice. */
  async devices(conversationId: string): Promise<Leaf[]> {
    const members = await this.members(conversationId);
    const found = new Map<string, Leaf>();
    for (let start = 0; start < members.length; start += PAGE) {
      const { items } = await this.#parts.api.get("/keys/devices", { query: { user_ids: members.slice(start, start + PAGE) } });
      for (const each of items) {
        const leaf: Leaf = { userId: each.user_id, deviceId: each.device_id, signatureKey: fromBase64(each.signature_key) };
        await this.#parts.keyLog.requireRegistered(leaf);
        found.set(nameOf(leaf), leaf);
      }
    }
    return [...found.values()];
  }

  /**
   * Verifies leaves. Throws GhostDevice for a device that was never registered, and for a person who was never a
   * member. A person who left after `seq` is no ghost, but is marked as gone. A device that has just joined (`isNew`)
   * cannot know past members, so it marks everybody as gone who is no member now.
   */
  async requireHonest(conversationId: string, leaves: readonly Leaf[], { seq, isNew = false }: { seq: number; isNew?: boolean }): Promise<void> {
    const { keyLog, shelf } = this.#parts;
    let members: ReadonlySet<string> | null = null;
    for (const leaf of leaves) {
      await keyLog.requireEverRegistered(leaf);
      if (members?.has(leaf.userId) || (!isNew && (await shelf.people(conversationId)).has(leaf.userId))) continue;
      if (!members) await shelf.meet(conversationId, [...(members = new Set(await this.members(conversationId)))]);
      if (members.has(leaf.userId)) continue;
      if (!isNew && !(await this.#leavesLater(conversationId, leaf.userId, seq))) {
        throw new GhostDevice(`${leaf.userId} is in the group and no member of the conversation`);
      }
      await this.#addGone(conversationId, [leaf.userId]);
    }
  }

  /**
   * Notes changes of members and devices from an event of the log. `leaves` are the group's leaves before that event.
   */
  async read(conversationId: string, event: Event, leaves: readonly Leaf[]): Promise<void> {
    const { shelf } = this.#parts;
    switch (event.type) {
      case "member.added": {
        const userId = event.data?.user?.id;
        if (!userId) return;
        await shelf.meet(conversationId, [userId]);
        const gone = await shelf.gone(conversationId);
        if (gone.has(userId) && !leaves.some((each) => each.userId === userId)) shelf.setGone(conversationId, [...gone].filter((each) => each !== userId));
        return;
      }
      case "member.removed": {
        const userId = event.data?.user?.id;
        if (!userId) return;
        await shelf.meet(conversationId, [userId]);
        return this.#addGone(conversationId, [userId]);
      }
      case "keys.changed": {
        const { user_id, device_id, action, key_hash } = event.data ?? {};
        const named = `${user_id}/${device_id}/${key_hash}`;
        if (action === "removed") return this.#addGone(conversationId, [named]);
        if (action !== "changed") return;
        const its = leaves.filter((each) => each.userId === user_id && each.deviceId === device_id);
        return this.#addGone(conversationId, (await Promise.all(its.map(hashedName))).filter((each) => each !== named));
      }
    }
  }

  /** After a commit: unmarks the gone people and devices that it has removed from the group. */
  async settle(conversationId: string, leaves: readonly Leaf[]): Promise<void> {
    const gone = await this.#parts.shelf.gone(conversationId);
    if (gone.size === 0) return;
    const inside = new Set([...leaves.map(({ userId }) => userId), ...(await Promise.all(leaves.map(hashedName)))]);
    this.#parts.shelf.setGone(conversationId, [...gone].filter((each) => inside.has(each)));
  }

  /** The names of leaves that are gone; they must be removed before the next message. */
  async stale(conversationId: string, leaves: readonly Leaf[]): Promise<ReadonlySet<string>> {
    const { shelf, own } = this.#parts;
    const gone = await shelf.gone(conversationId);
    const found = new Set<string>();
    if (gone.size === 0) return found;
    for (const each of leaves) {
      if (each.userId === own.userId && each.deviceId === own.deviceId) continue;
      if (gone.has(each.userId) || gone.has(await hashedName(each))) found.add(nameOf(each));
    }
    return found;
  }

  async #addGone(conversationId: string, names: readonly string[]): Promise<void> {
    if (names.length > 0) this.#parts.shelf.setGone(conversationId, new Set([...(await this.#parts.shelf.gone(conversationId)), ...names]));
  }

  /** Whether the log has the removal of this member after `seq`. */
  async #leavesLater(conversation_id: string, userId: string, seq: number): Promise<boolean> {
    const path = { conversation_id };
    for (let after = seq, more = true; more; ) {
      const page = await this.#parts.api.get("/conversations/{conversation_id}/events", { path, query: { after, limit: PAGE } });
      const items = page.items as unknown as Event[];
      if (items.some((each) => each.type === "member.removed" && each.data?.user?.id === userId)) return true;
      after = items.at(-1)?.seq ?? after;
      more = page.next_cursor !== null;
    }
    return false;
  }
}

const hashedName = async ({ userId, deviceId, signatureKey }: Leaf): Promise<string> => `${userId}/${deviceId}/${hex(await sha256(signatureKey))}`;
