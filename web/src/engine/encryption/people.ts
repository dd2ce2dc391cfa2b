/**
 * Who belongs into a conversation's group: its members, their devices, and what the key log says of them.
 *
 * The server counts any commit as new keys, also one that was made before it was known that somebody is gone, and who
 * comes back at once may have missed commits. So whoever went is remembered until a commit has taken them out.
 */
import type { Api, Event } from "../api";
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
    const found: string[] = [];
    let cursor: string | null = null;
    do {
      const query = { limit: PAGE, ...(cursor === null ? {} : { cursor }) };
      const page: { items: { user: { id: string } | null }[]; next_cursor: string | null } = await this.#parts.api.get(
        "/conversations/{conversation_id}/members",
        { path: { conversation_id }, query },
      );
      found.push(...page.items.flatMap((each) => (each.user ? [each.user.id] : [])));
      cursor = page.next_cursor;
    } while (cursor !== null);
    return found;
  }

  /** The devices that belong into the group, each checked against the key log. Throws GhostDevice. */
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
   * Throws GhostDevice for a device that its person never registered, and for who was no member. One that has gone since
   * is no ghost: it has to go before anything is said. Who comes in newly cannot know who was a member before, and says
   * nothing to those who are none now.
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
      await this.#letGo(conversationId, [leaf.userId]);
    }
  }

  /** Takes in what an event of the log says of members and devices. `leaves` are the group's at that place. */
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
        return this.#letGo(conversationId, [userId]);
      }
      case "keys.changed": {
        const { user_id, device_id, action, key_hash } = event.data ?? {};
        const named = `${user_id}/${device_id}/${key_hash}`;
        if (action === "removed") return this.#letGo(conversationId, [named]);
        if (action !== "changed") return;
        const its = leaves.filter((each) => each.userId === user_id && each.deviceId === device_id);
        return this.#letGo(conversationId, (await Promise.all(its.map(hashedName))).filter((each) => each !== named));
      }
    }
  }

  /** After a commit: who is out of the group by now is forgotten. */
  async settle(conversationId: string, leaves: readonly Leaf[]): Promise<void> {
    const gone = await this.#parts.shelf.gone(conversationId);
    if (gone.size === 0) return;
    const inside = new Set([...leaves.map(({ userId }) => userId), ...(await Promise.all(leaves.map(hashedName)))]);
    this.#parts.shelf.setGone(conversationId, [...gone].filter((each) => inside.has(each)));
  }

  /** The leaves of others that have gone since they came, by name: nothing is said before they are out. */
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

  async #letGo(conversationId: string, names: readonly string[]): Promise<void> {
    if (names.length > 0) this.#parts.shelf.setGone(conversationId, new Set([...(await this.#parts.shelf.gone(conversationId)), ...names]));
  }

  /** Whether the log says after `seq` that somebody was taken out. */
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
