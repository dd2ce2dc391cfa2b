/**
 * The engine's interface for screens. All changing state is a `Subscribable`: its value is replaced, never changed in
 * place, so React needs only `useSyncExternalStore(x.subscribe, x.get)`.
 */
import type {
  Action,
  ActionData,
  ActionFields,
  AiAnswer,
  AiFeature,
  AiQuestion,
  Api,
  Call,
  Conversation,
  DriveFile,
  Event,
  EventOf,
  EventType,
  FullProfile,
  Message,
  MessageFields,
  Notification,
  Poll,
  Presence,
  Receipt,
} from "./service/api";
import type { Change } from "./encryption/changes";

export interface Subscribable<T> {
  readonly get: () => T;
  /** Calls the listener after each change; returns a function that unsubscribes. */
  readonly subscribe: (listener: () => void) => () => void;
}

// --- session

export type SessionState =
  | { readonly state: "loading" }
  /** `reason` is set if the session was not ended by signing out here. */
  | { readonly state: "signed_out"; readonly reason?: "revoked" | "elsewhere" }
  /** The deployment demands a second factor of this person: nothing works before one is enrolled (`Auth.enrolled`). */
  | { readonly state: "enrolling"; readonly userId: string; readonly sessionId: string }
  | { readonly state: "signed_in"; readonly userId: string; readonly sessionId: string };

export interface Auth {
  readonly session: Subscribable<SessionState>;
  /** The person's own profile, kept up to date; null until it is known. */
  readonly me: Subscribable<FullProfile | null>;
  register(fields: { email: string; username: string; password: string; display_name: string }): Promise<void>;
  /** Throws ApiError `invalid_credentials`, `totp_required`, `passkey_required`, `account_locked`, `account_banned`. */
  login(fields: { identifier: string; password: string; device_name?: string; totp?: string }): Promise<void>;
  /** Starts the session of any other answer `{user, tokens}`, such as that of a passkey sign-in. */
  adopt(answer: { user: { id: string }; tokens: TokensAnswer }): Promise<void>;
  /** Ends the session, and tells the server without waiting for an answer: the page is going away. */
  leave(): void;
  /** A second factor has been enrolled: goes on with a session that is `enrolling`, in all tabs. */
  enrolled(): Promise<void>;
  /**
   * Ends the session in all tabs and removes the account's data from this device. Throws if the server could not be
   * reached; the device is signed out all the same.
   */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  refreshProfile(): Promise<FullProfile>;
}

export interface TokensAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  session_id: string;
  /** Only if true: a second factor has to be enrolled before anything else. */
  must_enrol?: boolean;
}

// --- the connection

export interface LinkStatus {
  /** `polling`: sockets are refused, so the log is polled. `offline`: neither socket nor HTTP works at the moment. */
  readonly phase: "stopped" | "connecting" | "live" | "polling" | "offline";
  /** Whether there are no known gaps. */
  readonly caughtUp: boolean;
  /** Whether this tab holds the socket for all tabs. */
  readonly leader: boolean;
}

// --- conversations and their messages

export interface Conversations {
  /** All conversations: pinned first, then by latest activity; `loaded` once the server's list has been read. */
  readonly list: Subscribable<{ readonly items: readonly Conversation[]; readonly loaded: boolean }>;
  of(conversationId: string): Conversation | undefined;
  /** Takes in a conversation that a route returned, for example after a change. */
  put(conversation: Conversation): void;
  /** Reads the conversation from the server. */
  refresh(conversationId: string): Promise<Conversation>;
}

/** A message that is being sent; it is in IndexedDB until it is acknowledged. */
export interface OutboxItem {
  readonly client_id: string;
  readonly account: string;
  readonly conversation_id: string;
  /** The same at every attempt. */
  readonly body: MessageFields;
  /** Epoch milliseconds; also the order within a conversation. */
  readonly created_at: number;
  readonly state: "pending" | "sent" | "failed";
  readonly tries: number;
  readonly message_id?: string | undefined;
  readonly seq?: number | undefined;
  /** The code of the last refusal. */
  readonly error?: string | undefined;
}

export interface TimelineItem {
  /** Stays the same while a pending message becomes a sent one. */
  readonly key: string;
  readonly state: "pending" | "failed" | "sent";
  readonly message: Message;
  /**
   * Set for a message of an encrypted conversation without text: it is being decrypted, this device has no key for it,
   * or it came in the clear.
   */
  readonly sealed?: "waiting" | "unreadable" | "plain" | undefined;
  /** The error code of a failed message; `outbox.retry` or `outbox.discard` with its `client_id` resolve it. */
  readonly error?: string | undefined;
}

export interface TimelineState {
  /** A stretch of the history without gaps, oldest first; pending messages come last. */
  readonly items: readonly TimelineItem[];
  /** Whether the items include the oldest, and the newest, message. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
  readonly loading: "initial" | "older" | "newer" | null;
  readonly error: Error | null;
  /** The items are from this device's store; the server's are still loading. */
  readonly stale: boolean;
}

export interface Timeline extends Subscribable<TimelineState> {
  readonly conversationId: string;
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Shows the stretch around a seq; resolves with the nearest message's id, or null if there is none. */
  jumpToSeq(seq: number): Promise<string | null>;
  jumpToMessage(messageId: string): Promise<string | null>;
  jumpToDate(date: Date): Promise<string | null>;
  jumpToEnd(): Promise<void>;
  /** Releases this timeline; its memory is freed when the last holder has closed it. */
  close(): void;
}

export interface Outbox {
  /** Pending and failed messages, oldest first. */
  readonly items: Subscribable<readonly OutboxItem[]>;
  /** Adds a message; it is stored when this resolves, and sent in order, also by another tab or after a reload. */
  send(conversationId: string, fields: Omit<MessageFields, "client_id"> & { client_id?: string }): Promise<OutboxItem>;
  retry(clientId: string): Promise<void>;
  discard(clientId: string): Promise<void>;
}

/** Commands on existing messages. Changes show optimistically; if one is refused it is undone, and the call throws. */
export interface Commands {
  editMessage(conversationId: string, messageId: string, text: string): Promise<Message | void>;
  deleteMessage(conversationId: string, messageId: string): Promise<void>;
  react(conversationId: string, messageId: string, emoji: string, options?: { remove?: boolean }): Promise<void>;
  /** No options withdraw a vote. */
  vote(poll: Poll, optionIds: readonly string[]): Promise<Poll | void>;
  closePoll(poll: Poll): Promise<Poll | void>;
  /** Moves the read marker, only forward; calls in quick succession make one request. */
  markRead(conversationId: string, seq: number): Promise<void>;
}

export interface UnsentText {
  readonly text: string;
  /** The message that the text replies to or, for an edit, changes. */
  readonly replyTo: string | null;
  /** Epoch milliseconds; 0 if there is no text. */
  readonly writtenAt: number;
}

/** Unsent texts, synchronised between a person's devices; those of threads and edits stay on this device. */
export interface Drafts {
  of(conversationId: string, threadRoot?: string): Subscribable<UnsentText>;
  /** Stores the text on this device at once and on the server a moment later; an empty text removes the draft. */
  write(conversationId: string, text: string, options?: { replyTo?: string | null; threadRoot?: string | undefined }): void;
  /** The unfinished edit, on this device only: `replyTo` is the message being edited, null for none. */
  editOf(conversationId: string, threadRoot?: string): Subscribable<UnsentText>;
  /** Stores an unfinished edit on this device; a null `messageId` ends editing. */
  writeEdit(conversationId: string, messageId: string | null, text: string, threadRoot?: string): void;
}

export interface Assistant {
  /**
   * Asks AI help. `onText` gets the whole text so far after each chunk; aborting cancels the answer. Throws ApiError
   * `ai_disabled`, `ai_unavailable`, `ai_budget_exceeded`, `encrypted_conversation`.
   */
  ask<F extends AiFeature>(
    feature: F,
    question: AiQuestion<F>,
    options?: { signal?: AbortSignal; onText?: (text: string) => void },
  ): Promise<AiAnswer>;
}

// --- end-to-end encryption

/** A member's device that was added or removed or has changed its key. */
export interface KeyChange {
  readonly userId: string;
  readonly deviceId: string;
  readonly action: "added" | "changed" | "removed";
  /** RFC 3339. */
  readonly at: string;
}

/** The state of an encrypted conversation on this device. */
export interface ConversationKeys {
  /**
   * `waiting`: a device in the group has yet to add this one. `broken`: the server has provably misbehaved, so nothing
   * more is sent. `unsupported`: this browser lacks the algorithms. `withheld`: this engine has no keys, as it keeps
   * nothing.
   */
  readonly phase: "opening" | "waiting" | "ready" | "broken" | "unsupported" | "withheld";
  /** The changes that have not been dismissed yet, oldest first. */
  readonly changes: readonly KeyChange[];
  /** The group's epoch; each has keys of its own. */
  readonly epoch?: number | null;
}

/** What a call's media are encrypted with in one epoch of the group (RFC 9605, section 5.2). */
export interface MediaKeys {
  readonly epoch: number;
  /** An HKDF key that all devices in the group have, and nobody can read back. */
  readonly baseKey: CryptoKey;
  /** This device's leaf. */
  readonly ownIndex: number;
  /** User ids, by the index of each leaf. */
  readonly people: ReadonlyMap<number, string>;
}

/** A query of decrypted messages; all fields must match. */
export interface DeviceSearchQuery {
  /** Words, or beginnings of words. */
  readonly q: string;
  readonly conversationIds: readonly string[];
  readonly senderId?: string | undefined;
  /** Epoch milliseconds. */
  readonly before?: number | undefined;
  readonly withFiles?: boolean;
}

/** A decrypted message that matches; of a long text the stretch around the first match. */
export type FoundSaid = Pick<Message, "id" | "conversation_id" | "sender_id" | "created_at"> & { readonly text: string };

/** Where a search goes on. */
export interface DeviceSearchPlace {
  /** The index in the query's conversations. */
  readonly conversation: number;
  readonly below: string | null;
}

export interface DeviceSearchPage {
  readonly items: readonly FoundSaid[];
  /** Null at the end. */
  readonly next: DeviceSearchPlace | null;
}

export interface EndToEnd {
  of(conversationId: string): Subscribable<ConversationKeys>;
  /** Creates the MLS group of an encrypted conversation and adds its members' devices. */
  begin(conversationId: string): Promise<void>;
  /**
   * The message with its text, if this device has decrypted it; the same object while nothing changes. The conversation
   * is the one in which it stands, whatever the server wrote into the message.
   */
  shown(message: Message, conversationId: string): Message;
  /** The message that a shown reply is to, as it is shown; undefined if it is not the one that the reply's sender meant. */
  quoted(reply: Message, target: Message): Message | undefined;
  /** 60 digits, the same for both people. Throws EncryptionError if the key log fails verification. */
  safetyNumber(userId: string): Promise<string>;
  /** The safety number that was compared with this person, undefined if none was. */
  compared(userId: string): Promise<string | undefined>;
  setCompared(userId: string, number: string): Promise<void>;
  dismissChanges(conversationId: string): Promise<void>;
  /** Backs up the decrypted messages to the server, encrypted with a passphrase; returns how many messages. */
  backUp(passphrase: string): Promise<number>;
  /** Searches the messages that this device has decrypted, conversation by conversation, newest first. */
  search(query: DeviceSearchQuery, from: DeviceSearchPlace | null): Promise<DeviceSearchPage>;
  /**
   * Restores the backup; returns how many messages. Throws EncryptionError for a wrong passphrase, ApiError 404 if
   * none.
   */
  restore(passphrase: string): Promise<number>;
  /** Whether changes of a message go encrypted: this device has decrypted it. */
  changes(messageId: string): boolean;
  /** Sends an encrypted change of a message: an edit, a reaction, a vote, the end of a poll. */
  change(conversationId: string, change: Change): Promise<void>;
  /** The votes in an encrypted poll by person; options are counted from 0. */
  votesOf(messageId: string): Readonly<Record<string, readonly number[]>>;
  /** Encrypts a file for one message of an encrypted conversation; to be uploaded with `uploadId` as its client_id. */
  sealFile(uploadId: string, file: Blob & { name?: string }, sealing?: Sealing): Promise<Blob>;
  /** Links finished uploads to their encryption keys; to be called before they are sent with a message. */
  nameFiles(uploads: readonly { readonly clientId: string; readonly file?: { readonly id: string } | null | undefined }[]): Promise<void>;
  /** Whether this device has the key of an encrypted file. */
  opens(fileId: string): boolean;
  /**
   * The keys for a call's media; null in a conversation that is not encrypted. Throws EncryptionError: `not_in_group`
   * while this device has no keys.
   */
  mediaKeys(conversationId: string): Promise<MediaKeys | null>;
  /** A number that this device has used for no call before, so that none of its streams has the key of another. */
  nextCall(): Promise<number>;
  /** The decrypted file. Throws EncryptionError if it is not the file that was sent. */
  openFile(fileId: string): Promise<Blob>;
}

// --- ephemeral state

export interface PresenceState {
  /** The presence of everybody who is known, by user id. */
  readonly all: Subscribable<ReadonlyMap<string, Presence>>;
  of(userId: string): Presence | undefined;
  /** Follows these people, across reconnects, until the returned function is called. */
  watch(userIds: readonly string[]): () => void;
  set(status: "online" | "away" | "busy" | "invisible", options?: { text?: string; until?: string }): Promise<void>;
}

export interface TypingState {
  /** The people who are typing, by conversation; never the person themselves. */
  readonly all: Subscribable<ReadonlyMap<string, readonly string[]>>;
  of(conversationId: string): readonly string[];
  /**
   * To be called at each keystroke; the server is told at most every 2 s, and the signal lapses without further ones.
   */
  typed(conversationId: string): void;
  stopped(conversationId: string): void;
}

export interface Receipts {
  /** Everybody's delivered and read markers, once `load` has been called for the conversation. */
  of(conversationId: string): Subscribable<readonly Receipt[]>;
  load(conversationId: string): Promise<void>;
}

export interface Calls {
  /** Ringing and active calls in the person's conversations. */
  readonly live: Subscribable<readonly Call[]>;
  /** The call that rings on this device: not one that was answered or declined, here or on another device. */
  readonly ringing: Subscribable<Call | null>;
  /** Takes in a call that a route returned. */
  put(call: Call): void;
}

export interface NotificationsState {
  /** Newest first. */
  readonly items: readonly Notification[];
  readonly unread: number;
  readonly loaded: boolean;
  /** Whether there are older ones. */
  readonly more: boolean;
}

export interface Notifications {
  readonly state: Subscribable<NotificationsState>;
  load(): Promise<void>;
  loadMore(): Promise<void>;
  /** Marks this notification and all older ones as read. */
  markRead(upTo: string): Promise<void>;
}

// --- files

/** What one may want of the encryption of a file, which takes a second per some hundred megabytes. */
export interface Sealing {
  /** Ends it; it then throws the signal's reason. */
  readonly signal?: AbortSignal;
  /** Gets the number of bytes that are encrypted. */
  readonly onProgress?: (bytes: number) => void;
}

export interface UploadState {
  readonly clientId: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  readonly conversationId: string | null;
  readonly folderId: string | null;
  /** `waiting_for_file`: started before a reload; `resume` needs the same file again. */
  readonly state: "hashing" | "uploading" | "processing" | "ready" | "failed" | "cancelled" | "waiting_for_file";
  readonly sentBytes: number;
  readonly file: DriveFile | null;
  readonly error: Error | null;
}

export interface Uploads {
  readonly items: Subscribable<readonly UploadState[]>;
  /** Resolves once the file is ready. Throws ApiError, TransportFailed; UploadRejected, UploadCancelled. */
  start(
    file: Blob & { name?: string },
    options?: {
      name?: string;
      conversationId?: string;
      folderId?: string;
      replaces?: string;
      clientId?: string;
      /** Encrypts the file first; the service then learns neither its name nor its type. */
      sealedBy?: Pick<EndToEnd, "sealFile">;
    },
  ): Promise<DriveFile>;
  resume(clientId: string, file: Blob): Promise<DriveFile>;
  /**
   * Ends an upload that is not ready, and frees its quota. `cancelled` until the service has confirmed it, then off the
   * list; after a failure it is `failed`, and is cancelled again by another call or at the next start.
   */
  cancel(clientId: string): Promise<void>;
  /** Removes a finished upload from the list. */
  dismiss(clientId: string): void;
}

// --- the engine

export interface Engine {
  /** Nothing of the person is stored outside this page's memory: for shared computers. */
  readonly keepsNothing: boolean;
  readonly api: Api;
  readonly auth: Auth;
  readonly status: Subscribable<LinkStatus>;
  readonly conversations: Conversations;
  readonly outbox: Outbox;
  readonly commands: Commands;
  readonly presence: PresenceState;
  readonly typing: TypingState;
  readonly receipts: Receipts;
  readonly calls: Calls;
  readonly notifications: Notifications;
  readonly uploads: Uploads;
  readonly drafts: Drafts;
  readonly assistant: Assistant;
  readonly endToEnd: EndToEnd;
  /** The timeline of a conversation, shared by all callers; each calls `close` when done. */
  timeline(conversationId: string): Timeline;
  /** Sets the conversation that this visible tab shows, null for none: no pushes are sent about it. */
  look(conversationId: string | null): void;
  /** Sends an action over the socket, whichever tab holds it. Throws ConnectionLost without a socket: use HTTP then. */
  request<A extends Action>(action: A, fields: ActionFields<A>): Promise<ActionData<A>>;
  /** Listens to events, each once per tab and in order; "*" means all types. Returns a function that unsubscribes. */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void;
  on(type: "*", listener: (event: Event) => void): () => void;
  /**
   * Reconnects and retries at once: the network is back, or the tab is visible again. With `networkWasGone`, a socket that
   * looks open must answer a ping within 10 s, or it is replaced: it may have died without a word.
   */
  wake(why?: { networkWasGone?: boolean }): void;
  /** Closes this tab's socket at once: the page is left, and may be kept and shown again, when `wake` opens the next one. */
  rest(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}
