/** What can go wrong, as errors. Owns the reading of problem+json (RFC 9457); never retries anything. */

export interface FieldError {
  field: string;
  message: string;
}

/** Base of everything this client throws on purpose. */
export class SecureConnectError extends Error {
  override name = "SecureConnectError";
}

/** The call needs a session and there is none. */
export class NotSignedIn extends SecureConnectError {
  override name = "NotSignedIn";
}

/** No answer came: the network failed or a time limit passed. The call may or may not have happened. */
export class TransportFailed extends SecureConnectError {
  override name = "TransportFailed";
}

/** The socket went away, or never answered, before the acknowledgement. */
export class ConnectionLost extends SecureConnectError {
  override name = "ConnectionLost";
}

/** The socket stands, but the service had no room for a frame: it is worth asking again after a moment. */
export class FrameRefused extends ConnectionLost {
  override name = "FrameRefused";
}

/** The service has looked at the bytes and does not take them; `reason` is its word for why. */
export class UploadRejected extends SecureConnectError {
  override name = "UploadRejected";
  readonly reason: string;

  constructor(reason: string) {
    super(`the file was rejected: ${reason}`);
    this.reason = reason;
  }
}

export class UploadCancelled extends SecureConnectError {
  override name = "UploadCancelled";
}

/** Something of end-to-end encryption did not work; `code` tells what. */
export class EncryptionError extends SecureConnectError {
  override name = "EncryptionError";
  readonly code: string;
  /** Whether the same may well succeed later. */
  readonly passing: boolean;

  constructor(message: string, { code, passing }: { code: string; passing: boolean }) {
    super(message);
    this.code = code;
    this.passing = passing;
  }
}

// What an answer without a problem document means: API Gateway's own answers look like that.
const CODES: Record<number, string> = {
  400: "validation_failed",
  401: "unauthenticated",
  403: "forbidden",
  404: "not_found",
  408: "timeout",
  409: "conflict",
  410: "gone",
  413: "payload_too_large",
  415: "unsupported_media_type",
  429: "rate_limited",
  503: "dependency_unavailable",
  504: "timeout",
};

/** An answer of the service that is an error; `code` is the stable name to branch on. */
export class ApiError extends SecureConnectError {
  override name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly requestId: string | null;
  /** Milliseconds to wait before the next try, where the server says so. */
  readonly retryAfterMs: number | null;
  /** False for an answer that was no problem document, such as one of API Gateway's own. */
  readonly documented: boolean;
  /** The document as it came: some codes add fields, such as `until` of a ban. */
  readonly problem: Readonly<Record<string, unknown>>;

  constructor(problem: Record<string, unknown>, given: { status?: number; retryAfterMs?: number | null } = {}) {
    const status = typeof problem.status === "number" ? problem.status : (given.status ?? 500);
    const code = typeof problem.code === "string" ? problem.code : (CODES[status] ?? "internal");
    const detail = String(problem.detail ?? problem.title ?? problem.message ?? "");
    super(`${status} ${code}${detail ? `: ${detail}` : ""}`);
    const seconds = typeof problem.retry_after === "number" ? problem.retry_after : null;
    this.status = status;
    this.code = code;
    this.detail = detail;
    this.errors = fieldErrors(problem.errors);
    this.requestId = typeof problem.request_id === "string" ? problem.request_id : null;
    this.retryAfterMs = given.retryAfterMs ?? (seconds === null ? null : seconds * 1000);
    this.documented = typeof problem.code === "string";
    this.problem = problem;
  }

  /** Whether the same request may well succeed later. */
  get transient(): boolean {
    return this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

function fieldErrors(errors: unknown): FieldError[] {
  if (!Array.isArray(errors)) return [];
  return errors
    .filter((each): each is Record<string, unknown> => typeof each === "object" && each !== null)
    .map((each) => ({ field: String(each.field ?? ""), message: String(each.message ?? "") }));
}

/** Milliseconds from a Retry-After header in either of its forms (RFC 9110, 10.2.3). */
export function retryAfterMs(value: string | null, now: number): number | null {
  if (value === null || value.trim() === "") return null;
  const seconds = Number(value);
  const wait = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - now;
  return Number.isFinite(wait) ? Math.max(0, wait) : null;
}

/** The error of an HTTP answer of 400 or more. */
export async function problemOf(answer: Response, now: number): Promise<ApiError> {
  let problem: Record<string, unknown> = {};
  try {
    const parsed: unknown = await answer.json();
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) problem = { ...parsed };
  } catch {
    // no document: the status alone has to do
  }
  return new ApiError(
    { request_id: answer.headers.get("X-Request-Id"), ...problem, status: answer.status },
    { retryAfterMs: retryAfterMs(answer.headers.get("Retry-After"), now) },
  );
}
