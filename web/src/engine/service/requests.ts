/** Authenticated requests: adds the access token, and renews it once when the server says that it has expired. */
import type { Answer, Api, Method, Question, Route } from "./api";
import { type Http, type HttpRequest, fillPath } from "./http";
import { ApiError } from "./problems";
import type { SessionKeeper } from "./session";

/** The port through which the engine's parts send HTTP requests. */
export interface Requests {
  request(method: string, request: HttpRequest): Promise<unknown>;
}

const PUBLIC = new Set([
  "POST /auth/register",
  "POST /auth/login",
  "POST /auth/refresh",
  "POST /auth/password/forgot",
  "POST /auth/password/reset",
  "POST /auth/email/verify",
  "POST /auth/sessions/disown",
  "POST /auth/passkeys/challenges",
  "POST /auth/passkeys/login",
]);

/**
 * Sends a request with an access token if there is a session; public routes are sent without. With `asUser` it throws
 * NotSignedIn unless that person is signed in.
 */
export async function authorised(
  http: Http,
  keeper: SessionKeeper,
  method: string,
  request: HttpRequest,
  asUser?: string,
): Promise<unknown> {
  const anonymous = asUser === undefined && (PUBLIC.has(`${method} ${request.path}`) || keeper.current === null);
  if (anonymous) return http.exchange(method, request);
  const userId = asUser ?? keeper.userId;
  const send = (token: string) =>
    http.exchange(method, { ...request, headers: { ...request.headers, Authorization: `Bearer ${token}` } });
  const token = await keeper.token(userId);
  try {
    return await send(token);
  } catch (error) {
    // A gateway authoriser in front of the service may answer 401 without a problem document.
    const expired = error instanceof ApiError && error.status === 401 && (error.code === "token_expired" || !error.documented);
    if (!expired) throw error;
  }
  return send(await keeper.renew(token, userId));
}

/** Requests of one person: after somebody else has signed in they fail, and are not sent as that other person. */
export function actingAs(http: Http, keeper: SessionKeeper, userId: string): Requests {
  return { request: (method, request) => authorised(http, keeper, method, request, userId) };
}

/** A typed API over a `Requests` port. */
export function typedApi(requests: Requests): Api {
  const call =
    <M extends Method>(method: M) =>
    async <P extends Route<M>>(route: P, question?: Question<M, P>): Promise<Answer<M, P>> => {
      const { path, query, body, headers, idempotencyKey, retry, signal } = (question ?? {}) as {
        path?: Record<string, unknown>;
        query?: Record<string, unknown>;
        body?: unknown;
        headers?: Record<string, string>;
        idempotencyKey?: string;
        retry?: boolean;
        signal?: AbortSignal;
      };
      const answer = await requests.request(method.toUpperCase(), {
        path: fillPath(route, path),
        query,
        body,
        headers: { ...headers, ...(idempotencyKey === undefined ? {} : { "Idempotency-Key": idempotencyKey }) },
        retry,
        signal,
      });
      return answer as Answer<M, P>;
    };
  return {
    get: call("get"),
    post: call("post"),
    put: call("put"),
    patch: call("patch"),
    delete: call("delete"),
  } as Api;
}
