/**
 * Decides what a push does on this device; pure, so that it is tested without a browser. The service worker does it.
 */

/** Texts by kind of push, in the chosen language. */
export type PushTexts = Readonly<Record<string, string>>;

/** The cache, and the entry in it, where the page stores these texts for the worker, which has no catalogues. */
export const PUSH_CACHE = "secureconnect-push";
export const PUSH_TEXTS = "./push-texts.json";
/** The ids of encrypted conversations, in the same cache: of these a push can know no text. */
export const PUSH_ENCRYPTED = "./push-encrypted.json";

export type PushDecision =
  /** Closes notifications with this tag: read on another device, or a call that has ended. */
  | { readonly do: "close"; readonly tag: string; readonly badge: number }
  | { readonly do: "show"; readonly title: string; readonly options: NotificationOptions; readonly hash: string; readonly badge: number };

const CLOSING_KINDS: ReadonlySet<string> = new Set(["read", "call_ended"]);

/** The decision for a push; null if the push is malformed. */
export function decidePush(push: unknown, texts: PushTexts, encrypted: readonly unknown[] = []): PushDecision | null {
  if (typeof push !== "object" || push === null) return null;
  const { kind, tag, badge, conversation_id, ...preview } = push as Record<string, unknown>;
  const { title, body } = [conversation_id, tag].some((each) => encrypted.includes(each)) ? {} as typeof preview : preview;
  if (typeof kind !== "string" || typeof tag !== "string") return null;
  const count = typeof badge === "number" ? badge : 0;
  if (CLOSING_KINDS.has(kind)) return { do: "close", tag, badge: count };
  const isCall = kind === "call";
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
      // a call's notification stays until `call_ended` closes it
      requireInteraction: isCall,
      silent: false,
    },
  };
}
