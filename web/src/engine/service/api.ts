/**
 * Types of the API, derived from its OpenAPI and AsyncAPI documents: a route's name gives its request and its response.
 */
import type { components, paths } from "../generated/http";
import type { EventFrames, SocketActions } from "../generated/socket";

export type Schemas = components["schemas"];
/** The data of each event type. The last two types are made by this client. */
export type EventData = { [T in keyof EventFrames]: EventFrames[T]["data"] } & {
  /** The log has ended for this reader. If they join again, a new log begins with the events that they may then see. */
  "conversation.removed": null;
  /** A sync brought the server's summary. `skipped`: there were too many events to read, and they were left out. */
  "conversation.synced": { conversation: Conversation; skipped: boolean };
};
export type EventType = keyof EventData;

/** An event. One with a `seq` is in its conversation's log; one without is ephemeral. */
export interface EventOf<T extends EventType> {
  readonly type: T;
  readonly data: EventData[T];
  readonly conversation_id?: string | undefined;
  readonly seq?: number | undefined;
  readonly actor_id?: string | undefined;
  readonly at?: string | undefined;
}
export type Event = { [T in EventType]: EventOf<T> }[EventType];

export type Action = keyof SocketActions;
export type ActionFields<A extends Action> = SocketActions[A]["fields"];
export type ActionData<A extends Action> = SocketActions[A]["data"];

export type Method = "get" | "post" | "put" | "patch" | "delete";
export type Route<M extends Method> = {
  [P in keyof paths]: paths[P] extends { [K in M]: { responses: unknown } } ? P : never;
}[keyof paths];

type Operation<M extends Method, P extends Route<M>> = paths[P] extends { [K in M]: infer O } ? O : never;
type Content<R> = R extends { content: { "application/json": infer J } } ? J : undefined;
type Part<O, K extends string> = O extends { parameters: { [X in K]?: infer V } } ? V : undefined;
type Body<O> = O extends { requestBody: { content: { "application/json": infer J } } }
  ? { body: J }
  : O extends { requestBody?: { content: { "application/json": infer J } } }
    ? { body?: J }
    : { body?: undefined };

/** The JSON of a route's 2xx responses; undefined for an empty one. */
export type Answer<M extends Method, P extends Route<M>> =
  Operation<M, P> extends { responses: infer R } ? Content<R[keyof R]> : never;

/** Options that every request takes. */
export interface RequestOptions {
  idempotencyKey?: string;
  headers?: Record<string, string>;
  /** Whether the request may be repeated; by default only if it is idempotent. */
  retry?: boolean;
  signal?: AbortSignal;
}
export type Question<M extends Method, P extends Route<M>> = RequestOptions &
  Body<Operation<M, P>> &
  (Part<Operation<M, P>, "path"> extends undefined ? { path?: undefined } : { path: Part<Operation<M, P>, "path"> }) & {
    query?: Part<Operation<M, P>, "query">;
  };
type Asked<M extends Method, P extends Route<M>> =
  Record<never, never> extends Question<M, P> ? [question?: Question<M, P>] : [question: Question<M, P>];

/** Every route by its method and path: `api.get("/users/{user_id}", { path: { user_id } })`. Throws ApiError. */
export interface Api {
  get<P extends Route<"get">>(route: P, ...question: Asked<"get", P>): Promise<Answer<"get", P>>;
  post<P extends Route<"post">>(route: P, ...question: Asked<"post", P>): Promise<Answer<"post", P>>;
  put<P extends Route<"put">>(route: P, ...question: Asked<"put", P>): Promise<Answer<"put", P>>;
  patch<P extends Route<"patch">>(route: P, ...question: Asked<"patch", P>): Promise<Answer<"patch", P>>;
  delete<P extends Route<"delete">>(route: P, ...question: Asked<"delete", P>): Promise<Answer<"delete", P>>;
}

/** The request body of a route. */
export type BodyOf<M extends Method, P extends Route<M>> = NonNullable<Body<Operation<M, P>>["body"]>;

// Resources are named after the routes that return them: routes are the contract, names of schemas are not.
export type Message = Answer<"get", "/conversations/{conversation_id}/messages/{message_id}">;
export type MessageFields = BodyOf<"post", "/conversations/{conversation_id}/messages">;
export type Conversation = Answer<"get", "/conversations/{conversation_id}">;
export type Member = Answer<"get", "/conversations/{conversation_id}/members">["items"][number];
export type PublicProfile = Answer<"get", "/users/{user_id}">;
export type FullProfile = Answer<"get", "/users/me">;
export type Poll = Answer<"get", "/polls/{poll_id}">;
export type Call = Answer<"get", "/calls/{call_id}">;
export type DriveFile = Answer<"get", "/drive/files/{file_id}">;
export type UploadFields = BodyOf<"post", "/drive/uploads">;
export type UploadInstructions = NonNullable<Answer<"post", "/drive/uploads">["upload"]>;
export type UploadedParts = Answer<"post", "/drive/uploads/{file_id}/parts">;
export type Presence = Answer<"put", "/presence">;
export type Notification = Answer<"get", "/notifications">["items"][number];
export type NotificationPreferences = Answer<"get", "/notifications/preferences">;
export type Receipt = Answer<"get", "/conversations/{conversation_id}/receipts">["items"][number];
export type ReadState = Answer<"post", "/conversations/{conversation_id}/read">;
export type SyncAnswer = Answer<"post", "/sync">;
export type Ticket = Answer<"post", "/realtime/tickets">;
export type Report = Answer<"get", "/conversations/{conversation_id}/reports">["items"][number];
export type Draft = Answer<"get", "/drafts">["items"][number];
export type EarlierText = Answer<"get", "/conversations/{conversation_id}/messages/{message_id}/edits">["items"][number];
export type Scheduled = Answer<"get", "/conversations/{conversation_id}/scheduled">["items"][number];
export type AiSettings = Answer<"get", "/ai/settings">;
/** The features of AI help; each is a route under /ai. */
export type AiFeature = "summaries" | "replies" | "translations" | "rewrites" | "answers";
export type AiQuestion<F extends AiFeature> = Omit<BodyOf<"post", `/ai/${F}`>, "stream">;
export type AiAnswer = Extract<Answer<"post", "/ai/answers">, { result: unknown }>;
