/** The errors of this client, and the parsing of problem+json (RFC 9457). */

export interface FieldError {
  field: string;
  message: string;
}

/** Base class of the client's errors. */
export class SecureConnectError extends Error {
  override name = "SecureConnectError";
}

/** The call needs a session and there is none. */
export class NotSignedIn extends SecureConnectError {
  override name = "NotSignedIn";
}

/** No answer came: the network failed or a time limit passed. The request may or may not have been executed. */
export class TransportFailed extends SecureConnectError {
  override name = "TransportFailed";
}

/** The socket closed or stayed silent before the acknowledgement. */
export class ConnectionLost extends SecureConnectError {
  override name = "ConnectionLost";
}

/** The gateway could not handle a frame, but the socket is still open; the request may be repeated after a moment. */
export class FrameRefused extends ConnectionLost {
  override name = "FrameRefused";
}

/** The service has checked an uploaded file and rejected it; `reason` is the service's code. */
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

/** End-to-end encryption failed; `code` says why. */
export class EncryptionError extends SecureConnectError {
  override name = "EncryptionError";
  readonly code: string;
  /** Whether the same call may succeed later. */
  readonly transient: boolean;

  constructor(message: string, { code, transient }: { code: string; transient: boolean }) {
    super(message);
    this.code = code;
    this.transient = transient;
  }
}

// Codes for answers without a problem document, such as API Gateway's own.
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

/** An error answer of the service; `code` is stable and made for branching. */
export class ApiError extends SecureConnectError {
  override name = "ApiError";
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly requestId: string | null;
  /** Milliseconds to wait before a retry, if the server gave them. */
  readonly retryAfterMs: number | null;
  /** False if the answer was no problem document, for example one of API Gateway's own. */
  readonly documented: boolean;
  /** The whole problem document: some codes add fields, such as `until` of a ban. */
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

  /** Whether the same request may succeed later. */
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

/** The error for an HTTP response with a status of 400 or more. */
export async function problemOf(answer: Response, now: number): Promise<ApiError> {
  let problem: Record<string, unknown> = {};
  try {
    const parsed: unknown = await answer.json();
    if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) problem = { ...parsed };
  } catch {
    // no problem document: the status decides the code
  }
  return new ApiError(
    { request_id: answer.headers.get("X-Request-Id"), ...problem, status: answer.status },
    { retryAfterMs: retryAfterMs(answer.headers.get("Retry-After"), now) },
  );
}
