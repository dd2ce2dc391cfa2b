/**
 * HTTP requests with a time limit and retries. Knows nothing of sessions, tokens or resources.
 *
 * A request is repeated only if that is safe: its method is idempotent, it carries an Idempotency-Key or a `client_id`,
 * or the caller says so; and only after a 429, 502, 503 or 504, when no answer came, or after a 409 with a Retry-After
 * (the first attempt may still be running). An error with a Retry-After of more than 20 s is thrown instead.
 */
import { type Backoff, backoffDelay } from "../live/backoff";
import type { Clock } from "../ports";
import { ApiError, TransportFailed, problemOf } from "./problems";

const RETRY_STATUSES = new Set([429, 502, 503, 504]);
/** A PATCH of this service sets the values that it names, so repeating it changes nothing more. */
const IDEMPOTENT = new Set(["GET", "HEAD", "PUT", "PATCH", "DELETE"]);
const MAX_RETRY_AFTER_MS = 20_000;
/** The service answers within 10 s; API Gateway times out at 29 s. */
const TIMEOUT_MS = 20_000;
const BACKOFF: Backoff = { baseMs: 200, capMs: 5_000 };

export interface HttpRequest {
  path: string;
  query?: Readonly<Record<string, unknown>> | undefined;
  body?: unknown;
  headers?: Readonly<Record<string, string>> | undefined;
  retry?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpSettings {
  baseUrl: string;
  fetch: typeof fetch;
  clock: Clock;
  random: () => number;
  tries?: number;
  backoff?: Backoff;
  timeoutMs?: number;
}

export class Http {
  readonly #settings: Required<HttpSettings>;

  constructor(settings: HttpSettings) {
    this.#settings = { tries: 4, backoff: BACKOFF, timeoutMs: TIMEOUT_MS, ...settings };
  }

  /**
   * The JSON of a 2xx answer, undefined for an empty one. Throws ApiError for other answers, TransportFailed for none.
   */
  async exchange(method: string, request: HttpRequest): Promise<unknown> {
    const { tries, backoff, clock, random } = this.#settings;
    const retry = request.retry ?? isRepeatable(method, request);
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#once(method, request);
      } catch (error) {
        const transient = error instanceof TransportFailed || (error instanceof ApiError && isTransient(error));
        if (!retry || !transient || attempt + 1 >= tries || request.signal?.aborted) throw error;
        const after = error instanceof ApiError ? error.retryAfterMs : null;
        await clock.sleep(backoffDelay(backoff, attempt, random, after), request.signal);
      }
    }
  }

  async #once(method: string, { path, query, body, headers, signal }: HttpRequest): Promise<unknown> {
    const { baseUrl, clock, timeoutMs } = this.#settings;
    const call = this.#settings.fetch; // a browser's fetch throws when called as a method of another object
    const limit = new AbortController();
    const abort = () => limit.abort(signal?.reason);
    signal?.addEventListener("abort", abort);
    if (signal?.aborted) abort();
    const timer = setTimeout(() => limit.abort(), timeoutMs);
    try {
      const answer = await call(baseUrl + path + search(query), {
        method,
        headers: {
          Accept: "application/json",
          ...(body === undefined ? {} : { "Content-Type": "application/json" }),
          ...headers,
        },
        signal: limit.signal,
        cache: "no-store",
        credentials: "omit",
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw await problemOf(answer, clock.now());
      const text = await answer.text();
      return text === "" ? undefined : JSON.parse(text);
    } catch (error) {
      if (error instanceof ApiError || signal?.aborted) throw error;
      throw new TransportFailed(`${method} ${path}: ${error instanceof Error ? error.message : "no answer"}`);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }
}

/** A route such as `/users/{user_id}` with its parameters filled in, percent-encoded: emoji are not URL-safe. */
export function fillPath(route: string, parts: Readonly<Record<string, unknown>> = {}): string {
  return route.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts[name])));
}

function search(query: Readonly<Record<string, unknown>> | undefined): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    if (value !== undefined && value !== null) given.append(name, Array.isArray(value) ? value.join(",") : String(value));
  }
  const text = given.toString();
  return text && `?${text}`;
}

function isTransient(error: ApiError): boolean {
  const underWay = error.status === 409 && error.retryAfterMs !== null;
  return (RETRY_STATUSES.has(error.status) || underWay) && (error.retryAfterMs ?? 0) <= MAX_RETRY_AFTER_MS;
}

/** Whether sending this twice has the effect of sending it once. */
export function isRepeatable(method: string, { body, headers }: Pick<HttpRequest, "body" | "headers">): boolean {
  if (IDEMPOTENT.has(method)) return true;
  if (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === "idempotency-key")) return true;
  return typeof body === "object" && body !== null && "client_id" in body && Boolean(body.client_id);
}
