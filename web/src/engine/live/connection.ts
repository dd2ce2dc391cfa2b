/**
 * One socket from its opening to its end: incoming frames, and requests with correlation ids.
 *
 * It never reconnects (`reconnect.ts`) and never interprets events (`live.ts`).
 */
import type { Clock, Dial, Wire } from "../ports";
import { ApiError, ConnectionLost, FrameRefused } from "../service/problems";

/** API Gateway's limit for one frame. */
const MAX_FRAME_BYTES = 32 * 1024;

export type Frame = Readonly<Record<string, unknown>>;

/** The request does not fit into a frame; it has to go over HTTP. */
export class FrameTooLarge extends ConnectionLost {
  override name = "FrameTooLarge";
}

interface PendingRequest {
  resolve(data: unknown): void;
  reject(error: Error): void;
}

export class Connection {
  readonly #clock: Clock;
  readonly #onFrame: (connection: Connection, frame: Frame) => void;
  readonly #waiting = new Map<string, PendingRequest>();
  readonly #closed = new AbortController();
  #wire!: Wire;
  #lastId = 0;
  #framesHeard = 0;
  /** Whether another connection has taken over. */
  retiring = false;

  private constructor(clock: Clock, onFrame: (connection: Connection, frame: Frame) => void) {
    this.#clock = clock;
    this.#onFrame = onFrame;
  }

  /** Opens a socket; frames that answer no request go to `onFrame`. Throws ConnectionLost. */
  static async open(
    dial: Dial,
    url: string,
    clock: Clock,
    onFrame: (connection: Connection, frame: Frame) => void,
  ): Promise<Connection> {
    const connection = new Connection(clock, onFrame);
    connection.#wire = await dial(url, {
      onText: (text) => connection.#handle(text),
      onClose: () => connection.#end(),
    });
    return connection;
  }

  /** Aborts when the socket has closed. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /**
   * Sends a frame and returns the data of its acknowledgement. Throws ApiError for an error frame, and ConnectionLost
   * when no answer came; the request may have been executed all the same.
   */
  async request(action: string, fields: Frame, timeoutMs: number): Promise<unknown> {
    const id = String((this.#lastId += 1));
    const text = JSON.stringify({ ...fields, action, id });
    if (new TextEncoder().encode(text).length > MAX_FRAME_BYTES) throw new FrameTooLarge("larger than 32 KB");
    if (this.closed.aborted) throw new ConnectionLost("the socket is closed");
    const framesBefore = this.#framesHeard;
    const over = new AbortController();
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#clock.sleep(timeoutMs, over.signal).then(
        () => {
          if (this.#framesHeard === framesBefore) this.abort(); // no frame at all arrived: the connection is dead, though the socket looks open
          reject(new ConnectionLost(`no acknowledgement of ${action} within ${timeoutMs} ms`));
        },
        () => undefined,
      );
    });
    try {
      this.#wire.send(text);
      return await answer;
    } finally {
      this.#waiting.delete(id);
      over.abort();
    }
  }

  /** Closes the socket once pending requests are answered, or after `graceMs`: another connection has taken over. */
  async retire(graceMs: number): Promise<void> {
    this.retiring = true;
    const until = this.#clock.now() + graceMs;
    while (this.#waiting.size > 0 && this.#clock.now() < until && !this.closed.aborted) await this.#clock.sleep(50);
    this.abort();
  }

  abort(): void {
    this.#wire.close();
    this.#end();
  }

  #handle(text: string): void {
    if (this.closed.aborted) return;
    this.#framesHeard += 1;
    let frame: unknown;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // not a frame of the service
    }
    if (!isFrame(frame)) return;
    if (frame.type === "batch") {
      for (const each of Array.isArray(frame.events) ? frame.events : []) if (isFrame(each)) this.#onFrame(this, each);
    } else if (frame.type === "ack") {
      this.#waiting.get(String(frame.id))?.resolve(frame.data);
    } else if (frame.type === "error") {
      this.#waiting.get(String(frame.id))?.reject(new ApiError(isFrame(frame.problem) ? { ...frame.problem } : {}));
    } else if (frame.type === undefined && frame.connectionId !== undefined) {
      this.#refuseAll();
    } else {
      this.#onFrame(this, frame);
    }
  }

  /**
   * API Gateway could not have a frame handled, because a function was throttled or failed. It does not say which
   * frame, so all pending requests are rejected; their callers repeat them over HTTP.
   */
  #refuseAll(): void {
    for (const each of this.#waiting.values()) each.reject(new FrameRefused("the gateway could not have the frame handled"));
  }

  #end(): void {
    if (this.closed.aborted) return;
    this.#closed.abort(new ConnectionLost("the socket has closed"));
    for (const each of this.#waiting.values()) each.reject(new ConnectionLost("the socket closed before the acknowledgement"));
  }
}

function isFrame(value: unknown): value is Frame {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
