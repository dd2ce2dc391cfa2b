/** Pushes to this browser: permission, subscription, and the device that the server knows it as. */
import type { Api } from "../engine";
import { type Translate, currentLanguage } from "../i18n";
import { PUSH_CACHE, PUSH_TEXTS } from "../push-messages";
import { SaidError } from "./hooks";

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

/** Asks for the permission where it is not given yet; throws what says what to do where that fails. */
export async function enablePush(api: Api): Promise<void> {
  if ((await Notification.requestPermission()) !== "granted") throw new SaidError("push.denied");
  const { application_server_key } = await api.get("/devices/webpush-key");
  const { pushManager } = await navigator.serviceWorker.ready;
  try {
    await (await pushManager.getSubscription())?.unsubscribe(); // it may belong to another key
    await pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: application_server_key });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    throw new SaidError("push.unavailable"); // the browser's push service cannot be reached, or is switched off
  }
  await renewPush(api);
}

/** Tells the server where this browser is reached now, if it is at all. */
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
      locale: currentLanguage().locale,
      subscription: { endpoint, expirationTime, keys: { p256dh: found.keys.p256dh, auth: found.keys.auth } },
    },
  });
}

export async function disablePush(api: Api): Promise<void> {
  await api.delete("/devices/{device_id}", { path: { device_id: deviceId() } });
  await forgetPush();
}

/** For who signs out: the next person here is not told of this one's. */
export async function forgetPush(): Promise<void> {
  if (!possible()) return;
  await (await subscription())?.unsubscribe();
  await dismiss();
}

/** Takes away what is shown of a conversation, or everything. */
export async function dismiss(tag?: string): Promise<void> {
  const registration = await navigator.serviceWorker?.getRegistration();
  for (const each of (await registration?.getNotifications(tag === undefined ? {} : { tag })) ?? []) each.close();
}

/** Leaves the worker what to say, in the language that was chosen. */
export async function keepPushTexts(t: Translate): Promise<void> {
  if (!("caches" in window)) return;
  const texts = { title: t("app.name"), ...Object.fromEntries(PUSH_KINDS.map((kind) => [kind, t(`push.kind.${kind}`)])) };
  await (await caches.open(PUSH_CACHE)).put(PUSH_TEXTS, Response.json(texts));
}

async function subscription(): Promise<PushSubscription | null> {
  const registration = await navigator.serviceWorker.getRegistration();
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** The same for as long as the browser keeps anything. */
function deviceId(): string {
  const kept = localStorage.getItem(DEVICE);
  if (kept) return kept;
  const made = `web-${crypto.randomUUID().slice(0, 18)}`;
  localStorage.setItem(DEVICE, made);
  return made;
}
