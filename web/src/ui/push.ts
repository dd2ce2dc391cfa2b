/** Push notifications in this browser: the permission, the subscription, and its registration as a device. */
import type { Api } from "../engine";
import { type Translate, currentLanguage } from "../i18n";
import { PUSH_CACHE, PUSH_ENCRYPTED, PUSH_TEXTS } from "../push-messages";
import { ExplainedError } from "./hooks";

const DEVICE = "secureconnect.device";
export const PUSH_KINDS = [
  "message",
  "poll",
  "file",
  "call",
  "mention",
  "reply",
  "invitation",
  "contact_request",
  "join_request",
  "report",
  "file_shared",
  "missed_call",
  "security",
  "unknown",
] as const;

export type PushState = "impossible" | "denied" | "off" | "on";

const possible = (): boolean => "serviceWorker" in navigator && "PushManager" in window && "Notification" in window;

export async function pushState(): Promise<PushState> {
  if (!possible()) return "impossible";
  if (Notification.permission === "denied") return "denied";
  return Notification.permission === "granted" && (await subscription()) ? "on" : "off";
}

/** Asks for the permission if needed, subscribes and registers. Throws ExplainedError with advice if that fails. */
export async function enablePush(api: Api): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new ExplainedError("push.denied");
  const { application_server_key } = await api.get("/devices/webpush-key");
  const { pushManager } = await navigator.serviceWorker.ready;
  try {
    await (await pushManager.getSubscription())?.unsubscribe(); // it may have been made with another server key
    await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: application_server_key });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new ExplainedError("push.unavailable"); // the browser's push service cannot be reached, or is switched off
  }
  await renewPush(api);
}

/** Sends the current subscription to the server, if pushes are on. */
export async function renewPush(api: Api): Promise<void> {
  if ((await pushState()) !== "on") return;
  const found = (await subscription())?.toJSON();
  if (!found?.endpoint || !found.keys?.p256dh || !found.keys.auth) return;
  const { endpoint, expirationTime = null } = found;
  await api.put("/devices/{device_id}", {
    path: { device_id: deviceId() },
    body: {
      platform: "web",
      provider: "webpush",
      locale: currentLanguage().language,
      subscription: { endpoint, expirationTime, keys: { p256dh: found.keys.p256dh, auth: found.keys.auth } },
    },
  });
}

export async function disablePush(api: Api): Promise<void> {
  await api.delete("/devices/{device_id}", { path: { device_id: deviceId() } });
  await unsubscribe();
}

/** For a sign-out: the next person here gets no pushes of this one, and nothing tells of this one's conversations. */
export async function forgetPush(): Promise<void> {
  if ("caches" in window) await (await caches.open(PUSH_CACHE)).delete(PUSH_ENCRYPTED);
  await unsubscribe();
}

async function unsubscribe(): Promise<void> {
  if (!possible()) return;
  await (await subscription())?.unsubscribe();
  await dismiss();
}

/** Closes the shown notifications with this tag (a conversation's id), or all. */
export async function dismiss(tag?: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const each of (await registration?.getNotifications(tag === undefined ? {} : { tag })) ?? []) each.close();
}

/** Stores the texts of pushes for the service worker, in the chosen language. */
export async function keepPushTexts(t: Translate): Promise<void> {
  const texts = { title: t("app.name"), ...Object.fromEntries(PUSH_KINDS.map((kind) => [kind, t(`push.kind.${kind}`)])) };
  await keep(PUSH_TEXTS, texts);
}

/** Stores the ids of encrypted conversations for the service worker. */
export const keepEncrypted = (ids: readonly string[]): Promise<void> => keep(PUSH_ENCRYPTED, ids);

async function keep(name: string, value: unknown): Promise<void> {
  if ("caches" in window) await (await caches.open(PUSH_CACHE)).put(name, Response.json(value));
}

async function subscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** This browser's device id; it stays the same until site data is cleared. */
function deviceId(): string {
  const kept = localStorage.getItem(DEVICE);
  if (kept) return kept;
  const made = `web-${crypto.randomUUID().slice(0, 18)}`;
  localStorage.setItem(DEVICE, made);
  return made;
}
