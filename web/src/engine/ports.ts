/** The engine's ports to its environment. `browser.ts` implements them for browsers; tests have fakes. */

export interface Clock {
  /** Epoch milliseconds of this machine's clock. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** An open socket that carries text frames. */
export interface Wire {
  /** Throws ConnectionLost once it is closed. */
  send(text: string): void;
  close(): void;
}

export interface WireEvents {
  onText(text: string): void;
  onClose(): void;
}

/** Opens a socket; rejects with ConnectionLost. `onClose` is called once, however the socket ends. */
export type Dial = (url: string, events: WireEvents) => Promise<Wire>;

/** Web Locks: one holder per name among all tabs; the lock is released when `run` settles or the tab ends. */
export interface Locks {
  hold<T>(name: string, signal: AbortSignal | undefined, run: () => Promise<T>): Promise<T>;
}

/** BroadcastChannel: a message that one tab posts reaches every other tab, in order. */
export interface Channel {
  post(message: unknown): void;
  onMessage(listener: (message: unknown) => void): void;
  close(): void;
}

/** Sends bytes to the storage and reports progress. Resolves with the response's status; rejects when none came. */
export type SendBytes = (
  method: "POST" | "PUT",
  url: string,
  body: Blob | FormData,
  onProgress: (sentBytes: number) => void,
  signal: AbortSignal,
) => Promise<number>;

/**
 * A synchronous store for a few texts, so that they survive a page which ends right after the call; IndexedDB writes
 * too late. Entries are removed once the store has the text.
 */
export interface Journal {
  write(key: string, text: string): void;
  remove(key: string): void;
  /** The texts whose keys begin with `prefix`, by key. */
  entries(prefix: string): ReadonlyMap<string, string>;
}

export interface Ports {
  journal?: Journal | undefined;
  fetch: typeof fetch;
  dial: Dial;
  sendBytes: SendBytes;
  clock: Clock;
  locks: Locks;
  channel: (name: string) => Channel;
  /** Uniform in [0, 1). */
  random: () => number;
  /** A new id of 1–64 URL-safe characters. */
  uuid: () => string;
}
