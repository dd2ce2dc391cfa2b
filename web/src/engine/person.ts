/**
 * The state that screens show for one signed-in person in one tab. Composes the engine's parts; has few rules itself.
 */
import { Account } from "./service/account";
import { AnswerDesk } from "./assistant";
import type { Api, Conversation, Event, FullProfile, Message, MessageFields, Poll, Receipt } from "./service/api";
import { ConversationList } from "./messages/conversations";
import { DraftBoard } from "./messages/drafts";
import { EncryptedFrom } from "./encryption/view";
import { EncryptionDesk } from "./encryption/desk";
import { FocusHint } from "./messages/focus";
import type { Http } from "./service/http";
import type { LiveSettings } from "./live/live";
import { NotificationBoard } from "./messages/notifications";
import { CallBoard, PresenceBoard, ReceiptBoard, TypingBoard } from "./live/ephemeral";
import { allItems } from "./service/pages";
import type { Ports } from "./ports";
import { ApiError, EncryptionError, SecureConnectError } from "./service/problems";
import { typedApi } from "./service/requests";
import type { SessionKeeper } from "./service/session";
import type { Store } from "./storage/store";
import { withVote } from "./messages/reduce";
import { Value } from "./subscribable";
import { TimelineWindow } from "./messages/timeline";
import type { Commands, LinkStatus, Outbox, OutboxItem, Timeline } from "./types";
import { UploadManager } from "./files/uploads";

/** The most events of one conversation that are read after an absence; if there are more, its timeline is reloaded. */
const SKIP_BEYOND = 300;
const REFRESH_AFTER_MS = 300;
const READ_AFTER_MS = 400;
const REMEMBER_EVERY_MS = 5_000;

export interface PersonParts {
  userId: string;
  httpUrl: string;
  wsUrl: string | undefined;
  http: Http;
  keeper: SessionKeeper;
  store: Store;
  ports: Ports;
  settings: Partial<LiveSettings>;
  deviceName?: string | undefined;
  onEvent: (event: Event) => void;
}

export class Person implements Outbox, Commands {
  readonly userId: string;
  readonly api: Api;
  readonly account: Account;
  readonly conversations: ConversationList;
  readonly presence: PresenceBoard;
  readonly typing: TypingBoard;
  readonly receipts: ReceiptBoard;
  readonly calls: CallBoard;
  readonly notifications: NotificationBoard;
  readonly focus: FocusHint;
  readonly uploads: UploadManager;
  readonly drafts: DraftBoard;
  readonly assistant: AnswerDesk;
  readonly encryptedFrom: EncryptedFrom;
  readonly endToEnd: EncryptionDesk;
  readonly status = new Value<LinkStatus>({ phase: "connecting", caughtUp: false, leader: false });
  readonly me = new Value<FullProfile | null>(null);
  readonly items = new Value<readonly OutboxItem[]>([]);
  readonly #parts: PersonParts;
  readonly #timelines = new Map<string, { window: TimelineWindow; holders: number }>();
  readonly #refreshing = new Set<string>();
  readonly #pendingReads = new Map<string, number>();
  #rememberedAt = 0;

  private constructor(parts: PersonParts, account: (person: Person) => Account) {
    const { userId, store, ports } = parts;
    this.#parts = parts;
    this.userId = userId;
    this.account = account(this);
    this.api = typedApi(this.account.requests);
    const ask = (action: string, fields: Record<string, unknown>) => this.account.live.request(action, fields);
    const onRead = (id: string) => {
      this.#timelines.get(id)?.window.refresh();
      this.conversations.list.changed();
    };
    this.encryptedFrom = new EncryptedFrom({ store, account: userId, tabs: this.account.tabs, onLearn: onRead });
    this.conversations = new ConversationList({
      userId,
      honest: (conversation, seq) => this.encryptedFrom.honest(conversation, seq),
      fetch: (id) => this.api.get("/conversations/{conversation_id}", { path: { conversation_id: id } }),
      later: (id) => this.#refreshLater(id),
    });
    this.presence = new PresenceBoard({
      ask,
      put: (fields) => this.api.put("/presence", { body: fields as never }),
      share: (userIds) => this.account.tabs.tell("watch", userIds),
      leading: () => this.account.tabs.leading,
    });
    this.typing = new TypingBoard({ userId, clock: ports.clock, ask });
    this.receipts = new ReceiptBoard((id) => this.#allReceipts(id));
    this.calls = new CallBoard(userId);
    this.notifications = new NotificationBoard({ api: this.api, userId, clock: ports.clock });
    this.focus = new FocusHint({ clock: ports.clock, tell: (focus) => ask("ping", { focus }) });
    this.uploads = new UploadManager({
      account: userId,
      api: this.api,
      store,
      clock: ports.clock,
      locks: ports.locks,
      random: ports.random,
      uuid: ports.uuid,
      sendBytes: ports.sendBytes,
    });
    this.drafts = new DraftBoard({
      account: userId,
      api: this.api,
      store,
      clock: ports.clock,
      journal: ports.journal,
      isEncrypted: (id) => {
        const known = this.conversations.of(id);
        return known && known.settings?.encrypted === true;
      },
    });
    this.endToEnd = new EncryptionDesk({
      userId,
      deviceName: parts.deviceName ?? "",
      api: this.api,
      store,
      ports,
      lockName: `secureconnect:${parts.httpUrl}:${userId}:keys`,
      tabs: this.account.tabs,
      conversation: (id) => this.conversations.of(id),
      conversations: () => this.conversations.list.get().items,
      from: this.encryptedFrom,
      send: (id, body) => this.account.commands.sendMessage(id, body),
      onRead,
    });
    this.assistant = new AnswerDesk({
      api: this.api,
      clock: ports.clock,
      streaming: () => this.status.get().phase === "live",
    });
    this.account.tabs.on<readonly string[]>("watch", (userIds, from) => this.presence.watchedBy(from, userIds));
  }

  /** Shows the state that this device has stored, and starts the event stream. */
  static async open(parts: PersonParts): Promise<Person> {
    const { userId, store } = parts;
    const [conversations, me, items, encryptedFrom, cursors] = await Promise.all([
      store.loadValue<Conversation[]>(userId, "conversations"),
      store.loadValue<FullProfile>(userId, "me"),
      store.items(userId),
      EncryptedFrom.load(store, userId),
      Account.place(store, userId),
    ]);
    const person: Person = new Person(parts, (self) =>
      Account.begin(
        {
          ...parts,
          settings: { skipBeyond: SKIP_BEYOND, ...parts.settings },
          onEvent: (event) => self.#dispatch(event),
          onStatus: (status) => self.status.set(status),
          onItem: (clientId, item) => self.#itemChanged(clientId, item),
          onList: (ids) => self.conversations.loadedAll(ids),
          onOpen: () => {
            self.presence.renew();
            self.focus.renew();
            void self.drafts.renew();
            if (parts.deviceName) void self.endToEnd.renew();
          },
          beforeFlush: () => self.#remember(),
          post: (id, body) => self.#post(id, body),
        },
        cursors,
      ),
    );
    person.account.over.catch(() => undefined); // whoever opens the person is told of it, but only at the end of this
    person.encryptedFrom.restore(encryptedFrom);
    person.conversations.restore(conversations ?? []);
    person.me.set(me ?? null);
    person.items.set(items.filter((each) => each.state !== "sent"));
    await Promise.all([person.uploads.restore(), person.drafts.restore()]);
    return person;
  }

  async stop(): Promise<void> {
    this.account.tabs.tell("watch", []);
    this.focus.stop();
    this.uploads.stop();
    this.endToEnd.stop();
    for (const { window } of this.#timelines.values()) window.dispose();
    await this.account.stop();
  }

  async refreshProfile(): Promise<FullProfile> {
    const me = await this.api.get("/users/me");
    this.me.set(me);
    await this.#parts.store.saveValue(this.userId, "me", me);
    return me;
  }

  // --- messages

  timeline(conversationId: string): Timeline {
    let entry = this.#timelines.get(conversationId);
    if (!entry) {
      const window = this.#openWindow(conversationId);
      this.#timelines.set(conversationId, (entry = { window, holders: 0 }));
    }
    entry.holders += 1;
    return entry.window;
  }

  async send(conversationId: string, fields: Parameters<Outbox["send"]>[1]): Promise<OutboxItem> {
    this.typing.stopped(conversationId);
    const encrypted = this.endToEnd.takes(conversationId, fields);
    return this.account.outbox.add(conversationId, encrypted ? { ...fields, type: "encrypted" } : fields);
  }

  retry(clientId: string): Promise<void> {
    return this.account.outbox.retry(clientId);
  }

  discard(clientId: string): Promise<void> {
    return this.account.discard(clientId);
  }

  async editMessage(conversationId: string, messageId: string, text: string): Promise<Message | void> {
    if (!this.endToEnd.changes(messageId) && this.endToEnd.takes(conversationId, { type: "text" })) {
      // the server would refuse the text, but would have read it
      throw new EncryptionError("a text from before the encryption cannot be edited", { code: "cannot_encrypt", transient: false });
    }
    const edited_at = new Date(this.#parts.ports.clock.now()).toISOString();
    return this.#optimistically<Message | void>(conversationId, messageId, (known) => ({ ...known, text, edited_at }), () =>
      this.endToEnd.changes(messageId)
        ? this.endToEnd.change(conversationId, { of: messageId, edit: text })
        : this.account.commands.editMessage(conversationId, messageId, text),
    );
  }

  async deleteMessage(conversationId: string, messageId: string): Promise<void> {
    const deleted_at = new Date(this.#parts.ports.clock.now()).toISOString();
    await this.#optimistically(conversationId, messageId, (known) => ({ ...known, text: null, attachments: [], deleted_at }), () =>
      this.account.commands.deleteMessage(conversationId, messageId),
    );
  }

  async react(conversationId: string, messageId: string, emoji: string, { remove = false } = {}): Promise<void> {
    const change = (known: Message): Message => {
      const present = known.reactions.find((each) => each.emoji === emoji);
      if ((present?.mine ?? false) === !remove) return known;
      const count = (present?.count ?? 0) + (remove ? -1 : 1);
      const others = known.reactions.filter((each) => each.emoji !== emoji);
      return { ...known, reactions: count > 0 ? [...others, { emoji, count, mine: !remove }] : others };
    };
    await this.#optimistically(conversationId, messageId, change, () =>
      this.endToEnd.changes(messageId)
        ? this.endToEnd.change(conversationId, { of: messageId, react: emoji, ...(remove ? { remove } : {}) })
        : this.account.commands.react(conversationId, messageId, emoji, remove),
    );
  }

  async vote(poll: Poll, optionIds: readonly string[]): Promise<Poll | void> {
    const change = (known: Message): Message => ({ ...known, poll: known.poll && withVote(known.poll, optionIds) });
    return this.#optimistically<Poll | void>(poll.conversation_id, poll.message_id, change, () => {
      if (this.endToEnd.changes(poll.message_id)) return this.endToEnd.change(poll.conversation_id, { of: poll.message_id, vote: optionIds.map(Number) });
      return optionIds.length > 0 ? this.account.commands.vote(poll, optionIds) : this.api.delete("/polls/{poll_id}/vote", { path: { poll_id: poll.id } });
    });
  }

  async closePoll(poll: Poll): Promise<Poll | void> {
    if (this.endToEnd.changes(poll.message_id)) return this.endToEnd.change(poll.conversation_id, { of: poll.message_id, close: true });
    return this.api.post("/polls/{poll_id}/close", { path: { poll_id: poll.id } });
  }

  async markRead(conversationId: string, seq: number): Promise<void> {
    const { clock } = this.#parts.ports;
    const waiting = this.#pendingReads.get(conversationId);
    this.conversations.read(conversationId, seq);
    this.#pendingReads.set(conversationId, Math.max(seq, waiting ?? 0));
    if (waiting !== undefined) return;
    await clock.sleep(READ_AFTER_MS);
    const furthest = this.#pendingReads.get(conversationId) ?? seq;
    this.#pendingReads.delete(conversationId);
    const { unread_count } = await this.account.commands.markRead(conversationId, furthest);
    this.conversations.read(conversationId, furthest, unread_count);
    this.notifications.lookAgain(conversationId);
  }

  // --- how

  async #post(conversationId: string, body: MessageFields): Promise<Message> {
    // a conversation that is not known yet may be encrypted, and then its texts must not be sent in the clear
    if (!this.conversations.of(conversationId)) await this.conversations.refresh(conversationId);
    if (this.endToEnd.takes(conversationId, body)) return this.endToEnd.deliver(conversationId, body);
    return this.account.commands.sendMessage(conversationId, body);
  }

  #openWindow(conversationId: string): TimelineWindow {
    const { store, ports } = this.#parts;
    const path = { conversation_id: conversationId };
    const key = `timeline:${conversationId}`;
    const window = new TimelineWindow({
      conversationId,
      userId: this.userId,
      now: () => ports.clock.now(),
      pages: {
        list: async (query, signal) =>
          (await this.api.get("/conversations/{conversation_id}/messages", { path, query, signal })).items,
        get: (message_id) =>
          this.api.get("/conversations/{conversation_id}/messages/{message_id}", { path: { ...path, message_id } }),
      },
      shown: (message) => this.endToEnd.shown(message, conversationId),
      sealed: (message) => this.endToEnd.sealed(message),
      onClose: () => this.#release(conversationId),
      remember: (messages) => void store.saveValue(this.userId, key, messages),
    });
    window.setOutgoing(this.items.get().filter((each) => each.conversation_id === conversationId));
    void store.loadValue<Message[]>(this.userId, key).then((messages) => messages && window.restore(messages));
    void window.jumpToEnd();
    void this.endToEnd.look(conversationId);
    return window;
  }

  #release(conversationId: string): void {
    const entry = this.#timelines.get(conversationId);
    if (!entry) return;
    entry.holders -= 1;
    if (entry.holders > 0) return;
    entry.window.dispose();
    this.#timelines.delete(conversationId);
  }

  async #optimistically<T>(
    conversationId: string,
    messageId: string,
    change: (known: Message) => Message,
    work: () => Promise<T>,
  ): Promise<T> {
    const undo = this.#timelines.get(conversationId)?.window.patch(messageId, change);
    try {
      const answer = await work();
      // the optimistic change stays until its event has been read from the log
      void this.#parts.ports.clock.sleep(undo ? 1_500 : 0).then(() => undo?.());
      return answer;
    } catch (error) {
      undo?.();
      throw error;
    }
  }

  #dispatch(event: Event): void {
    this.conversations.apply(event);
    if (event.conversation_id !== undefined) this.#timelines.get(event.conversation_id)?.window.apply(event);
    this.presence.apply(event);
    this.typing.apply(event);
    this.receipts.apply(event);
    this.calls.apply(event);
    this.notifications.apply(event);
    this.uploads.apply(event);
    this.drafts.apply(event);
    this.assistant.apply(event);
    if (this.#parts.deviceName) this.endToEnd.apply(event);
    if (event.type === "message.created" && event.data) this.#dropArrived(event.data.client_id);
    this.#parts.onEvent(event);
  }

  /**
   * Drops an outbox item once its message is in the log: the tab that sent it may have closed before telling others.
   */
  #dropArrived(clientId: string | null | undefined): void {
    if (clientId && this.items.get().some((each) => each.client_id === clientId)) this.#itemChanged(clientId, null);
  }

  #itemChanged(clientId: string, item: OutboxItem | null): void {
    const others = this.items.get().filter((each) => each.client_id !== clientId);
    const open = item && item.state !== "sent" ? [...others, item] : others;
    this.items.set(open.sort((a, b) => a.created_at - b.created_at));
    for (const [id, { window }] of this.#timelines) window.setOutgoing(open.filter((each) => each.conversation_id === id));
  }

  /** Schedules a refresh of the conversation's summary, once for many events. */
  #refreshLater(conversationId: string): void {
    if (this.#refreshing.has(conversationId)) return;
    this.#refreshing.add(conversationId);
    void this.#parts.ports.clock.sleep(REFRESH_AFTER_MS).then(async () => {
      this.#refreshing.delete(conversationId);
      try {
        await this.conversations.refresh(conversationId);
      } catch (error) {
        // a network failure is left to the next event or sync; a 404 means that the conversation is gone
        if (!(error instanceof SecureConnectError)) throw error;
        if (error instanceof ApiError && error.status === 404) {
          this.conversations.apply({ type: "conversation.removed", data: null, conversation_id: conversationId });
        }
      }
    });
  }

  #allReceipts(conversation_id: string): Promise<Receipt[]> {
    return allItems((query) => this.api.get("/conversations/{conversation_id}/receipts", { path: { conversation_id }, query }));
  }

  /** Stores the list of conversations for the next start, at most every `REMEMBER_EVERY_MS`. */
  async #remember(): Promise<void> {
    const now = this.#parts.ports.clock.now();
    if (now - this.#rememberedAt < REMEMBER_EVERY_MS || !this.conversations.list.get().loaded) return;
    this.#rememberedAt = now;
    await this.#parts.store.saveValue(this.userId, "conversations", this.conversations.list.get().items);
  }
}
