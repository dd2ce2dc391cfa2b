/**
 * What the screens see of the engine. Whatever changes by itself is a `Subscribable`: its value is replaced, never
 * changed in place, so `useSyncExternalStore(x.subscribe, x.get)` is all that React needs.
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
} from "./api";

export interface Subscribable<T> {
  readonly get: () => T;
  /** Calls back after each change; returns what ends that. */
  readonly subscribe: (listener: () => void) => () => void;
}

// --- who is signed in

export type SessionState =
  | { readonly state: "loading" }
  /** `reason` says why, when it was not the person's own doing. */
  | { readonly state: "signed_out"; readonly reason?: "revoked" | "elsewhere" }
  | { readonly state: "signed_in"; readonly userId: string; readonly sessionId: string };

export interface Auth {
  readonly session: Subscribable<SessionState>;
  /** One's own profile, kept current; null until it is known. */
  readonly me: Subscribable<FullProfile | null>;
  register(fields: { email: string; username: string; password: string; display_name: string }): Promise<void>;
  /** Throws ApiError `invalid_credentials`, `totp_required`, `account_locked`, `account_banned`. */
  login(fields: { identifier: string; password: string; device_name?: string; totp?: string }): Promise<void>;
  /** Takes up the session of any other answer `{user, tokens}`, such as that of a passkey. */
  adopt(answer: { user: { id: string }; tokens: TokensAnswer }): Promise<void>;
  /**
   * Ends the session in all tabs and forgets what was kept of it on this device. Throws when the server could not be
   * told; signed out here one is all the same.
   */
  logout(options?: { everywhere?: boolean }): Promise<void>;
  refreshProfile(): Promise<FullProfile>;
}

export interface TokensAnswer {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  session_id: string;
}

// --- the connection

export interface LinkStatus {
  /** `polling`: sockets are refused, the log is asked at intervals. `offline`: neither way works at the moment. */
  readonly phase: "stopped" | "connecting" | "live" | "polling" | "offline";
  /** Nothing is known to be missing. */
  readonly caughtUp: boolean;
  /** Whether this tab holds the socket for all. */
  readonly leader: boolean;
}

// --- conversations and their messages

export interface Conversations {
  /** All of them: pinned first, then by latest activity; `loaded` once the server's list is in. */
  readonly list: Subscribable<{ readonly items: readonly Conversation[]; readonly loaded: boolean }>;
  of(conversationId: string): Conversation | undefined;
  /** Takes in what a route answered, such as that of a new or changed conversation. */
  put(conversation: Conversation): void;
  /** Asks the server anew. */
  refresh(conversationId: string): Promise<Conversation>;
}

/** A message on its way; it lives in IndexedDB until it is acknowledged. */
export interface OutboxItem {
  readonly client_id: string;
  readonly account: string;
  readonly conversation_id: string;
  /** Sent the same at every try. */
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
  /** An encrypted one that shows no text: it is being decrypted, or this device has no key for it. */
  readonly sealed?: "waiting" | "unreadable" | undefined;
  /** Why a failed one failed; `outbox.retry(client_id)` or `outbox.discard(client_id)` go on. */
  readonly error?: string | undefined;
}

export interface TimelineState {
  /** A stretch of the history without holes, oldest first; what is on its way comes last. */
  readonly items: readonly TimelineItem[];
  /** Nothing older, or newer, exists. */
  readonly atStart: boolean;
  readonly atEnd: boolean;
  readonly loading: "initial" | "older" | "newer" | null;
  readonly error: Error | null;
  /** The items came from this device's memory; the server's are on their way. */
  readonly stale: boolean;
}

export interface Timeline extends Subscribable<TimelineState> {
  readonly conversationId: string;
  loadOlder(): Promise<void>;
  loadNewer(): Promise<void>;
  /** Shows the stretch around a seq; resolves with the nearest message's id, or null where there is none. */
  jumpToSeq(seq: number): Promise<string | null>;
  jumpToMessage(messageId: string): Promise<string | null>;
  jumpToDate(date: Date): Promise<string | null>;
  jumpToEnd(): Promise<void>;
  /** Lets go of it; the last to do so frees its memory. */
  close(): void;
}

export interface Outbox {
  /** What is pending or failed, oldest first. */
  readonly items: Subscribable<readonly OutboxItem[]>;
  /** Stored when it resolves, sent in order, also by another tab or after a reload. */
  send(conversationId: string, fields: Omit<MessageFields, "client_id"> & { client_id?: string }): Promise<OutboxItem>;
  retry(clientId: string): Promise<void>;
  discard(clientId: string): Promise<void>;
}

/** Changes to what is there. Each shows at once where it can and is taken back when it is refused (it then throws). */
export interface Commands {
  editMessage(conversationId: string, messageId: string, text: string): Promise<Message>;
  deleteMessage(conversationId: string, messageId: string): Promise<void>;
  react(conversationId: string, messageId: string, emoji: string, options?: { remove?: boolean }): Promise<void>;
  vote(poll: Poll, optionIds: readonly string[]): Promise<Poll>;
  /** Only moves forward; calls in quick succession become one. */
  markRead(conversationId: string, seq: number): Promise<void>;
}

export interface UnsentText {
  readonly text: string;
  /** The message it answers, or changes. */
  readonly replyTo: string | null;
  /** Epoch milliseconds; 0 of what was never written. */
  readonly writtenAt: number;
}

/** Texts not sent yet, the same on all devices of a person; those of threads stay on this one. */
export interface Drafts {
  of(conversationId: string, threadRoot?: string): Subscribable<UnsentText>;
  /** Kept here at once, told to the server a moment later; an empty text clears it. */
  write(conversationId: string, text: string, options?: { replyTo?: string | null; threadRoot?: string | undefined }): void;
  /** What is being changed there, on this device alone: `replyTo` is the message, null for none. */
  editOf(conversationId: string, threadRoot?: string): Subscribable<UnsentText>;
  /** Kept here at once; without a message nothing is being changed any more. */
  writeEdit(conversationId: string, messageId: string | null, text: string, threadRoot?: string): void;
}

export interface Assistant {
  /**
   * Asks AI help. `onText` gets all that has come so far, again with each piece; aborting cancels the answer. Throws
   * ApiError `ai_disabled`, `ai_unavailable`, `ai_budget_exceeded`, `encrypted_conversation`.
   */
  ask<F extends AiFeature>(
    feature: F,
    question: AiQuestion<F>,
    options?: { signal?: AbortSignal; onText?: (text: string) => void },
  ): Promise<AiAnswer>;
}

// --- end-to-end encryption

/** A device of a member that came, went or changed its key. */
export interface KeyChange {
  readonly userId: string;
  readonly deviceId: string;
  readonly action: "added" | "changed" | "removed";
  /** RFC 3339. */
  readonly at: string;
}

/** Where this device is with an encrypted conversation. */
export interface ConversationKeys {
  /**
   * `waiting`: a device that is in has yet to let this one in. `broken`: the server has shown what an honest one does
   * not, and one does not go on. `unsupported`: this browser lacks the algorithms.
   */
  readonly phase: "opening" | "waiting" | "ready" | "broken" | "unsupported";
  /** Those that nobody has dismissed yet, the oldest first. */
  readonly changes: readonly KeyChange[];
}

export interface EndToEnd {
  of(conversationId: string): Subscribable<ConversationKeys>;
  /** Begins the group of an encrypted conversation and brings its members' devices in. */
  begin(conversationId: string): Promise<void>;
  /** A message with its text, where this device has read it; the same object while nothing changes. */
  shown(message: Message): Message;
  /** 60 digits that both people see alike. Throws EncryptionError when the key log does not hold. */
  safetyNumber(userId: string): Promise<string>;
  /** The number that was compared with this person, undefined if none was. */
  compared(userId: string): Promise<string | undefined>;
  setCompared(userId: string, number: string): Promise<void>;
  dismissChanges(conversationId: string): Promise<void>;
  /** Keeps what this device has read with the server, encrypted under a passphrase; how many messages. */
  backUp(passphrase: string): Promise<number>;
  /** How many messages the backup brought. Throws EncryptionError for another passphrase, ApiError 404 where there is none. */
  restore(passphrase: string): Promise<number>;
  /** A file encrypted for one message of an encrypted conversation, to be uploaded under this client_id. */
  sealFile(uploadId: string, file: Blob & { name?: string }): Promise<Blob>;
  /** What an upload of such a file is called in the clear; undefined after a reload. */
  nameOfUpload(uploadId: string): string | undefined;
  /** Uploads of such files that are done, before they go with a message. */
  nameFiles(uploads: readonly UploadState[]): Promise<void>;
  /** Whether a file was encrypted by whoever sent it, and can be opened here. */
  opens(fileId: string): boolean;
  /** What it is in the clear. Throws EncryptionError when it is not what was sent. */
  openFile(fileId: string): Promise<Blob>;
}

// --- what passes

export interface PresenceState {
  /** Changes whenever anything about anybody does. */
  readonly all: Subscribable<ReadonlyMap<string, Presence>>;
  of(userId: string): Presence | undefined;
  /** Be told of these people until the answer is called. Lasts over reconnects. */
  watch(userIds: readonly string[]): () => void;
  set(status: "online" | "away" | "busy" | "invisible", options?: { text?: string; until?: string }): Promise<void>;
}

export interface TypingState {
  /** Who types, by conversation; oneself never. */
  readonly all: Subscribable<ReadonlyMap<string, readonly string[]>>;
  of(conversationId: string): readonly string[];
  /** To be called at each keystroke: says so at most every 2 s, and takes it back when nothing follows. */
  typed(conversationId: string): void;
  stopped(conversationId: string): void;
}

export interface Receipts {
  /** How far everybody is, once `load` has been called for the conversation. */
  of(conversationId: string): Subscribable<readonly Receipt[]>;
  load(conversationId: string): Promise<void>;
}

export interface Calls {
  /** Calls that ring or run in one's conversations; ended ones go. */
  readonly live: Subscribable<readonly Call[]>;
  /** A call that rings here, unless it was answered, declined or answered on another device. */
  readonly ringing: Subscribable<Call | null>;
  /** Takes in what a route of the call answered. */
  put(call: Call): void;
}

export interface NotificationsState {
  /** Newest first. */
  readonly items: readonly Notification[];
  readonly unread: number;
  readonly loaded: boolean;
  /** There are older ones. */
  readonly more: boolean;
}

export interface Notifications {
  readonly state: Subscribable<NotificationsState>;
  load(): Promise<void>;
  loadMore(): Promise<void>;
  /** It and all before it are read. */
  markRead(upTo: string): Promise<void>;
}

// --- files

export interface UploadState {
  readonly clientId: string;
  readonly name: string;
  readonly size: number;
  readonly contentType: string;
  readonly conversationId: string | null;
  readonly folderId: string | null;
  /** `waiting_for_file`: begun before a reload; `resume` wants the same file again. */
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
    options?: { name?: string; contentType?: string; conversationId?: string; folderId?: string; replaces?: string; clientId?: string },
  ): Promise<DriveFile>;
  resume(clientId: string, file: Blob): Promise<DriveFile>;
  cancel(clientId: string): Promise<void>;
  /** Takes a finished one off the list. */
  dismiss(clientId: string): void;
}

// --- all of it

export interface Engine {
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
  /** The same one to everybody who asks for a conversation's; each calls `close` when done. */
  timeline(conversationId: string): Timeline;
  /** Which conversation this tab shows to somebody who looks, null for none: nobody is pushed to about that one. */
  look(conversationId: string | null): void;
  /** An action of the socket, whichever tab holds it. Throws ConnectionLost where there is none: use HTTP then. */
  request<A extends Action>(action: A, fields: ActionFields<A>): Promise<ActionData<A>>;
  /** Events in order, each once in this tab; "*" is all of them. Returns what ends that. */
  on<T extends EventType>(type: T, listener: (event: EventOf<T>) => void): () => void;
  on(type: "*", listener: (event: Event) => void): () => void;
  /** The network is back, or somebody looks: do not wait any longer. */
  wake(): void;
  start(): Promise<void>;
  stop(): Promise<void>;
}
