/** What a push means for this device: pure, so that it can be tried without a browser. The service worker does it. */

/** By kind of push, what is said of it in the language that was chosen. */
export type PushTexts = Readonly<Record<string, string>>;

/** Where the page leaves the texts for the worker, which has no catalogues: an entry of the cache `PUSH_CACHE`. */
export const PUSH_CACHE = "secureconnect-push";
export const PUSH_TEXTS = "./push-texts.json";

export type PushDecision =
  /** What was shown under this tag is over: read on another device, or a call that was answered. */
  | { readonly do: "close"; readonly tag: string; readonly badge: number }
  | { readonly do: "show"; readonly title: string; readonly options: NotificationOptions; readonly hash: string; readonly badge: number };

const OVER: ReadonlySet<string> = new Set(["read", "call_ended"]);

/** null where it is no push of ours. */
export function decidePush(push: unknown, texts: PushTexts): PushDecision | null {
  if (typeof push !== "object" || push === null) return null;
  const { kind, tag, badge, conversation_id, title, body } = push as Record<string, unknown>;
  if (typeof kind !== "string" || typeof tag !== "string") return null;
  const count = typeof badge === "number" ? badge : 0;
  if (OVER.has(kind)) return { do: "close", tag, badge: count };
  const calling = kind === "call";
  const hash = typeof conversation_id === "string" ? `#/conversations/${encodeURIComponent(conversation_id)}` : "#/notifications";
  return {
    do: "show",
    title: typeof title === "string" ? title : (texts.title ?? "SecureConnect"),
    badge: count,
    hash,
    options: {
      body: typeof body === "string" ? body : (texts[kind] ?? texts.unknown ?? ""),
      tag,
      icon: "./icon-192.png",
      data: { hash },
      // a call goes on until it is answered or over; `call_ended` takes it away
      requireInteraction: calling,
      silent: false,
    },
  };
}
