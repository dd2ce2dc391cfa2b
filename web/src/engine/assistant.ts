/**
 * AI help: answers are streamed in chunks over the socket and joined here; without a socket they come whole.
 * An aborted answer is cancelled at the service, so that it costs nothing more.
 */
import type { AiAnswer, AiFeature, AiQuestion, Api, Event, EventData } from "./service/api";
import type { Clock } from "./ports";
import { ApiError, SecureConnectError, TransportFailed } from "./service/problems";
import type { Assistant } from "./types";

/** An answer fails after this time without a chunk: a provider's own time limit and a margin. */
const SILENCE_MS = 45_000;

type Delta = NonNullable<EventData["ai.delta"]>;
type Done = NonNullable<EventData["ai.done"]>;
type Frame = { readonly delta: Delta } | { readonly done: Done };

export interface AssistantParts {
  api: Api;
  clock: Clock;
  /** Whether chunks would reach this tab. */
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
    // chunks may arrive before the HTTP answer with the id of their request
    const early: [string, Frame][] = [];
    let take = (requestId: string, frame: Frame): void => void early.push([requestId, frame]);
    const listener = (requestId: string, frame: Frame) => take(requestId, frame);
    this.#listeners.add(listener);
    const over = new AbortController();
    let knownId: string | undefined;
    const aborted = new Promise<never>((_, reject) => {
      const stop = () => {
        reject(signal?.reason);
        if (knownId !== undefined) void this.#cancel(knownId);
      };
      signal?.addEventListener("abort", stop, { signal: over.signal });
    });
    try {
      signal?.throwIfAborted();
      // not aborted by the signal: a request that the service has started can be cancelled only by its id
      const starting = api.post(route, { body: { ...body, stream: true }, retry: false }).then((begun) => {
        if ("result" in begun) return begun;
        knownId = begun.request_id;
        if (signal?.aborted) void this.#cancel(knownId);
        return begun;
      });
      const begun = await Promise.race([starting, aborted]);
      if ("result" in begun) return begun;
      const whole = new Promise<AiAnswer>((resolve, reject) => {
        const chunks = new ChunkBuffer(onText);
        let lastFrameAt = this.#parts.clock.now();
        take = (requestId, frame) => {
          if (requestId !== begun.request_id) return;
          lastFrameAt = this.#parts.clock.now();
          if ("delta" in frame) return chunks.add(frame.delta);
          const { answer, problem } = frame.done;
          if (answer) resolve(answer);
          else reject(new ApiError(problem ?? {}));
        };
        void this.#watchForSilence(over.signal, () => lastFrameAt, () => reject(new TransportFailed("the answer broke off")));
        for (const [requestId, frame] of early) take(requestId, frame);
      });
      return await Promise.race([whole, aborted]);
    } finally {
      over.abort();
      this.#listeners.delete(listener);
    }
  }

  apply(event: Event): void {
    if (event.type === "ai.delta" && event.data) this.#notify(event.data.request_id, { delta: event.data });
    if (event.type === "ai.done" && event.data) this.#notify(event.data.request_id, { done: event.data });
  }

  #notify(requestId: string, frame: Frame): void {
    for (const each of [...this.#listeners]) each(requestId, frame);
  }

  async #watchForSilence(signal: AbortSignal, lastFrameAt: () => number, silent: () => void): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      const left = lastFrameAt() + SILENCE_MS - clock.now();
      if (left <= 0) return silent();
      await clock.sleep(left, signal).catch(() => undefined); // aborted: the loop ends
    }
  }

  /** Errors are ignored: a request that has ended meanwhile needs no cancelling. */
  async #cancel(request_id: string): Promise<void> {
    try {
      await this.#parts.api.delete("/ai/requests/{request_id}", { path: { request_id } });
    } catch (error) {
      if (!(error instanceof SecureConnectError)) throw error;
    }
  }
}

/** Joins numbered chunks that arrive in any order; the text grows up to the first missing one. */
class ChunkBuffer {
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
    for (let chunk = this.#waiting.get(this.#next); chunk !== undefined; chunk = this.#waiting.get(this.#next)) {
      this.#waiting.delete(this.#next);
      this.#text += chunk;
      this.#next += 1;
    }
    if (this.#next > before) this.#onText?.(this.#text);
  }
}
