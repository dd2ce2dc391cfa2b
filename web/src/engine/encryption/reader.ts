/**
 * Reads a conversation's log in order, from where this device joined: applies commits to the group, and decrypts and
 * stores messages, since message keys are used once. An inconsistent log throws ServerMisbehaved, and reading stops
 * there.
 */
import type { Api, Event, EventOf, Message } from "../service/api";
import { fromBase64, hashOf } from "./bytes";
import { asChange, changed } from "./changes";
import { CannotDecrypt, LogTampered, NotInGroup } from "./errors";
import { type Leaf, isUnbegun, nameOf } from "./mls";
import type { Mls } from "./mls";
import type { People } from "./people";
import { asContent } from "./content";
import { type DecryptedMessage, type Held, type Shelf, contentOf } from "./shelf";

const PAGE = 100;

export interface ReaderParts {
  api: Api;
  mls: Mls;
  shelf: Shelf;
  people: People;
  own: Leaf;
  /** Messages that are new or have changed, once they are stored; also when the log is read before sending. */
  onDecrypted: (decrypted: readonly DecryptedMessage[]) => void;
}

export class LogReader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * Reads the log to its end and returns the new messages. `received` are events that came as frames; if they continue the
   * log without a gap, no request is made. Throws ServerMisbehaved, NotInGroup.
   */
  async catchUp(conversationId: string, received: readonly Event[] = []): Promise<DecryptedMessage[]> {
    const { shelf, people } = this.#parts;
    let held = await shelf.load(conversationId);
    const all: DecryptedMessage[] = [];
    const newEvents = received.filter((each) => (each.seq ?? 0) > held.seq).sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0));
    if (received.length > 0 && newEvents.length === 0) return all; // another tab has read them
    const isContinuation = newEvents.length > 0 && newEvents.every((each, n) => each.seq === held.seq + 1 + n);
    for (let more = true; more; ) {
      const found: DecryptedMessage[] = [];
      const page = isContinuation ? { items: newEvents, more: false } : await this.#page(conversationId, held.seq);
      for (const event of page.items) {
        if (event.seq !== held.seq + 1 && held.seq > 0) await this.#requireReturn(conversationId, event, held.seq);
        await people.read(conversationId, event, held.group.leaves);
        const [next, message] = await this.#apply(conversationId, held, event);
        held = next;
        if (message) {
          shelf.remember(message);
          found.push(message);
        }
        shelf.keep(conversationId, held);
      }
      await shelf.vault.flush();
      if (found.length > 0) this.#parts.onDecrypted(found);
      all.push(...found);
      more = page.more;
    }
    return all;
  }

  /**
   * Always throws, for a gap in the log. A gap is legitimate only before the event by which this person was added
   * again: NotInGroup, until others add this device. For any other gap LogTampered.
   */
  async #requireReturn(conversationId: string, event: Event, seq: number): Promise<void> {
    const { shelf, own } = this.#parts;
    if (event.type !== "member.added" || event.data?.user?.id !== own.userId) throw new LogTampered(`the log jumps from ${seq} to ${event.seq}`);
    shelf.forget(conversationId);
    await shelf.vault.flush();
    throw new NotInGroup("this person was taken out and let in again");
  }

  async #page(conversation_id: string, after: number): Promise<{ items: readonly Event[]; more: boolean }> {
    const path = { conversation_id };
    const page = await this.#parts.api.get("/conversations/{conversation_id}/events", { path, query: { after, limit: PAGE } });
    return { items: page.items as unknown as Event[], more: page.next_cursor !== null };
  }

  /** Applies one event of the log: returns the group after it, and its message if it has one. */
  async #apply(conversationId: string, { group }: Held, event: Event): Promise<[Held, DecryptedMessage | null]> {
    const seq = event.seq ?? 0;
    switch (event.type) {
      case "mls.commit":
        if (!event.data) throw new LogTampered("a commit of the log is empty");
        return [{ group: await this.#commit(conversationId, group, event.data, seq), seq }, null];
      case "mls.proposal":
        return [{ group: await this.#proposal(group, event.data?.proposal ?? ""), seq }, null];
      case "message.created":
        if (event.data?.type === "encrypted") return this.#message(conversationId, group, event.data, seq);
        break;
      case "keys.changed": {
        const { data } = event;
        if (!data || data.device_id === this.#parts.own.deviceId) break;
        // a person's first device is no change, as there was no earlier key
        if (data.action === "added" && !group.leaves.some(({ userId }) => userId === data.user_id)) break;
        await this.#parts.shelf.noteChange(conversationId, { userId: data.user_id, deviceId: data.device_id, action: data.action, at: data.at });
        break;
      }
      case "mls.change":
        return this.#change(conversationId, group, event, seq);
      case "message.deleted": {
        const known = event.data && (await this.#parts.shelf.recall(conversationId, event.data.id));
        if (known) this.#parts.shelf.empty(known);
        break;
      }
    }
    return [{ group, seq }, null];
  }

  async #commit(conversation_id: string, group: Held["group"], data: { epoch: number; commit: string | null }, seq: number): Promise<Held["group"]> {
    const { api, mls, shelf, people } = this.#parts;
    if (data.epoch !== group.epoch) throw new LogTampered(`the log has a commit of epoch ${data.epoch}, the group is at ${group.epoch}`);
    const path = { conversation_id, epoch: String(group.epoch) };
    const content = data.commit ?? (await api.get("/conversations/{conversation_id}/mls/commits/{epoch}", { path })).commit;
    const pending = await shelf.pending(conversation_id);
    if (pending?.message === content) {
      shelf.setPending(conversation_id, undefined);
      const made = mls.load(pending.next); // an own commit takes effect when the log brings it
      await people.settle(conversation_id, made.leaves);
      return made;
    }
    const next = await this.#receiveCommit(conversation_id, group, content);
    const before = new Set(group.leaves.map(nameOf));
    await people.requireHonest(conversation_id, next.leaves.filter((each) => !before.has(nameOf(each))), { seq });
    await people.settle(conversation_id, next.leaves);
    shelf.setPending(conversation_id, undefined);
    return next;
  }

  async #receiveCommit(conversationId: string, group: Held["group"], content: string): Promise<Held["group"]> {
    const { shelf } = this.#parts;
    try {
      const received = await group.receive(fromBase64(content));
      if (!received.removed) return received.group;
    } catch (error) {
      if (!(error instanceof CannotDecrypt)) throw error;
      if (!isUnbegun(group)) throw new LogTampered(`a commit of the log does not fit the group: ${error.message}`);
      shelf.forget(conversationId);
      await shelf.vault.flush();
      throw new NotInGroup("another device began the group first"); // which will add this one
    }
    shelf.forget(conversationId);
    await shelf.vault.flush();
    throw new NotInGroup("this device was removed from the group");
  }

  async #proposal(group: Held["group"], proposal: string): Promise<Held["group"]> {
    try {
      return (await group.receive(fromBase64(proposal))).group;
    } catch (error) {
      if (error instanceof CannotDecrypt) return group; // a commit that includes the proposal will fail, and then throws
      throw error;
    }
  }

  /** Applies a change to the message that it is about; returns it, or null if nothing has changed on this device. */
  async #change(conversationId: string, group: Held["group"], { data, actor_id = "", at = "" }: EventOf<"mls.change">, seq: number): Promise<[Held, DecryptedMessage | null]> {
    const { shelf, own } = this.#parts;
    const { client_id = "", ciphertext = "" } = data ?? {};
    const sent = actor_id === own.userId ? (await shelf.sending(client_id))?.change : undefined;
    if (!ciphertext) return [{ group, seq }, null]; // its sender was erased
    if (sent) shelf.setSending(client_id, undefined); // so that it counts once, should the log repeat it
    const received = sent ? { group, content: sent } : await this.#received(group, actor_id, ciphertext, asChange);
    const change = received.content;
    const known = change && (await shelf.recall(conversationId, change.of));
    const after = known && changed(known, change, actor_id, at);
    return [{ group: received.group, seq }, after && after !== known ? after : null];
  }

  /** Decrypts and parses; without content if it is damaged, repeated or of an unknown format. Throws LogTampered. */
  async #received<T>(group: Held["group"], senderId: string, ciphertext: string, parse: (data: Uint8Array) => T | null) {
    try {
      const received = await group.receive(fromBase64(ciphertext));
      if (received.sender?.userId !== senderId) throw new LogTampered("the server names another sender than the one who signed");
      return { group: received.group, deviceId: received.sender.deviceId, content: received.data ? parse(received.data) : null };
    } catch (error) {
      if (error instanceof CannotDecrypt) return { group, deviceId: null, content: null };
      throw error;
    }
  }

  async #message(conversationId: string, group: Held["group"], data: Message, seq: number): Promise<[Held, DecryptedMessage | null]> {
    const { shelf, own } = this.#parts;
    const unchanged = { group, seq };
    if (await shelf.recall(conversationId, data.id)) return [unchanged, null];
    if (data.deleted_at !== null || data.ciphertext === null) return [unchanged, null];
    const undecrypted: DecryptedMessage = {
      conversationId,
      messageId: data.id,
      seq,
      senderId: data.sender_id,
      deviceId: null,
      text: null,
      expiresAt: data.expires_at,
    };
    const sending = data.sender_id === own.userId && data.client_id ? await shelf.sending(data.client_id) : undefined;
    // the ciphertext is kept until the sender has the answer, since the same may be sent again
    if (sending) return [unchanged, { ...undecrypted, deviceId: own.deviceId, ...contentOf(sending), hash: await hashOf(sending.ciphertext) }];
    const { group: next, deviceId, content } = await this.#received(group, data.sender_id, data.ciphertext, asContent);
    return [{ group: next, seq }, { ...undecrypted, deviceId, ...content, hash: await hashOf(data.ciphertext) }]; // without content it is shown as unreadable
  }
}
