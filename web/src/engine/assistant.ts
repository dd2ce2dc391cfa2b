/**
 * AI help: answers that come in pieces over the socket, put together here, or at once where there is no socket.
 * An answer that is no longer wanted is cancelled at the service, so that it costs nothing more.
 */
import type { AiAnswer, AiFeature, AiQuestion, Api, Event, EventData } from "./api";
import type { Clock } from "./ports";
import { ApiError, SecureConnectError, TransportFailed } from "./problems";
import type { Assistant } from "./types";

/** Without a piece for so long, an answer is given up: the longest that a provider may take, and some. */
const SILENCE_MS = 45_000;

type Delta = NonNullable<EventData["ai.delta"]>;
type Done = NonNullable<EventData["ai.done"]>;
type Frame = { readonly delta: Delta } | { readonly done: Done };

export interface AssistantParts {
  api: Api;
  clock: Clock;
  /** Whether pieces would reach this tab. */
  streaming: () => boolean;
}

export class AnswerDesk implements Assistant {
  readonly #parts: AssistantParts;
  readonly #listeners = new Set<(requestId: string, frame: Frame) => void>();

  constructor(parts: AssistantParts) {
    this.#parts = parts;
  }

  async ask<F extends AiFeature>(
    feature: F,
    question: AiQuestion<F>,
    { signal, onText }: { signal?: AbortSignal; onText?: (text: string) => void } = {},
  ): Promise<AiAnswer> {
    const { api, streaming } = this.#parts;
    const route = `/ai/${feature}` as "/ai/answers";
    const body = question as AiQuestion<"answers">;
    if (!streaming()) {
      const answer = await api.post(route, { body, retry: false, ...(signal ? { signal } : {}) });
      if ("result" in answer) return answer;
      throw new TransportFailed("an answer in pieces came where none was asked for");
    }
    // pieces may be here before the answer that names their request
    const early: [string, Frame][] = [];
    let take = (requestId: string, frame: Frame): void => void early.push([requestId, frame]);
    const listener = (requestId: string, frame: Frame) => take(requestId, frame);
    this.#listeners.add(listener);
    const over = new AbortController();
    let named: string | undefined;
    const givenUp = new Promise<never>((_, reject) => {
      const stop = () => {
        reject(signal?.reason);
        if (named !== undefined) void this.#cancel(named);
      };
      signal?.addEventListener("abort", stop, { signal: over.signal });
    });
    try {
      signal?.throwIfAborted();
      // asked to its end: what is begun at the service can be cancelled only by its name
      const beginning = api.post(route, { body: { ...body, stream: true }, retry: false }).then((begun) => {
        if ("result" in begun) return begun;
        named = begun.request_id;
        if (signal?.aborted) void this.#cancel(named);
        return begun;
      });
      const begun = await Promise.race([beginning, givenUp]);
      if ("result" in begun) return begun;
      const whole = new Promise<AiAnswer>((resolve, reject) => {
        const pieces = new Pieces(onText);
        let heardAt = this.#parts.clock.now();
        take = (requestId, frame) => {
          if (requestId !== begun.request_id) return;
          heardAt = this.#parts.clock.now();
          if ("delta" in frame) return pieces.add(frame.delta);
          const { answer, problem } = frame.done;
          if (answer) resolve(answer);
          else reject(new ApiError(problem ?? {}));
        };
        void this.#watch(over.signal, () => heardAt, () => reject(new TransportFailed("the answer broke off")));
        for (const [requestId, frame] of early) take(requestId, frame);
      });
      return await Promise.race([whole, givenUp]);
    } finally {
      over.abort();
      this.#listeners.delete(listener);
    }
  }

  apply(event: Event): void {
    if (event.type === "ai.delta" && event.data) this.#tell(event.data.request_id, { delta: event.data });
    if (event.type === "ai.done" && event.data) this.#tell(event.data.request_id, { done: event.data });
  }

  #tell(requestId: string, frame: Frame): void {
    for (const each of [...this.#listeners]) each(requestId, frame);
  }

  async #watch(signal: AbortSignal, heardAt: () => number, silent: () => void): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const left = heardAt() + SILENCE_MS - clock.now();
      if (left <= 0) return silent();
      await clock.sleep(left, signal).catch(() => undefined); // over: the loop ends
    }
  }

  /** A request that has ended meanwhile needs no cancelling. */
  async #cancel(request_id: string): Promise<void> {
    try {
      await this.#parts.api.delete("/ai/requests/{request_id}", { path: { request_id } });
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
    }
  }
}

/** Pieces by their number: the text is what has come without a hole. */
class Pieces {
  readonly #waiting = new Map<number, string>();
  readonly #onText: ((text: string) => void) | undefined;
  #next = 1;
  #text = "";

  constructor(onText: ((text: string) => void) | undefined) {
    this.#onText = onText;
  }

  add({ n, text }: Delta): void {
    this.#waiting.set(n, text);
    const before = this.#next;
    for (let piece = this.#waiting.get(this.#next); piece !== undefined; piece = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#text += piece;
      this.#next += 1;
    }
    if (this.#next > before) this.#onText?.(this.#text);
  }
}
