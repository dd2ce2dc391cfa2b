/** Who belongs into a conversation's group: its members, their devices, and what the key log says of them. */
import type { Api } from "../api";
import { fromBase64 } from "./bytes";
import { GhostDevice } from "./errors";
import type { KeyLog } from "./key-log";
import { type Leaf, nameOf } from "./mls";
import type { Shelf } from "./shelf";

const PAGE = 100;

export interface PeopleParts {
  api: Api;
  keyLog: KeyLog;
  shelf: Shelf;
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
   * Throws GhostDevice for a device that its person never registered, and for who is no member. One that has gone since
   * is no ghost: the commit that takes it out comes later in the log.
   */
  async requireHonest(conversationId: string, leaves: readonly Leaf[]): Promise<void> {
    const { keyLog, shelf } = this.#parts;
    for (const leaf of leaves) {
      await keyLog.requireEverRegistered(leaf);
      if ((await shelf.people(conversationId)).has(leaf.userId)) continue;
      await shelf.meet(conversationId, await this.members(conversationId));
      if ((await shelf.people(conversationId)).has(leaf.userId)) continue;
      throw new GhostDevice(`${leaf.userId} is in the group and no member of the conversation`);
    }
  }
}
