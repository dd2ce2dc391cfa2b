/// <reference lib="webworker" />
/**
 * The service worker: offline shell and pushes. All files of a build are precached, so the page opens without a
 * network. Pushes arrive also while no page is open; push-messages.ts decides what they show.
 */
import { cleanupOutdatedCaches, getCacheKeyForURL, matchPrecache, precache } from "workbox-precaching";
import { PUSH_CACHE, PUSH_ENCRYPTED, PUSH_TEXTS, type PushTexts, decidePush } from "./push-messages";

const SHELL_CACHE = "secureconnect-shell";
declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precache(self.__WB_MANIFEST);
cleanupOutdatedCaches();
const home = new URL("./", self.location.href);
const SHELL = new URL("index.html", home).href;
const PAGE_TIMEOUT_MS = 3_000;
const ANSWER_TIMEOUT_MS = 1_000; // long enough for a page on a busy machine

self.addEventListener("install", (event) => event.waitUntil(caches.delete(SHELL_CACHE)));
self.addEventListener("fetch", (event) => {
  const { mode, url } = event.request;
  if (mode === "navigate" && [home.href, SHELL].includes(url.replace(/[?#].*$/, ""))) event.respondWith(page(event.request));
  else if (getCacheKeyForURL(url) !== undefined) event.respondWith(matchPrecache(event.request).then((kept) => kept ?? fetch(event.request)));
});

/** Network first, since the page's meta tags say where the API is; without a network the last stored page is used. */
async function page(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL_CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(PAGE_TIMEOUT_MS) });
    if (answer.ok) {
      await cache.put(SHELL, answer.clone());
      return answer;
    }
  } catch {
    // no network, or one without an answer in time
  }
  return (await cache.match(SHELL)) ?? (await matchPrecache(SHELL)) ?? Response.error();
}

self.addEventListener("message", (event) => {
  if (event.data === "skipWaiting") void self.skipWaiting();
});

self.addEventListener("push", (event) => event.waitUntil(handlePush(event.data)));

async function handlePush(data: PushMessageData | null): Promise<void> {
  const decision = decidePush(parsed(data), await stored<PushTexts>(PUSH_TEXTS, {}), await stored<string[]>(PUSH_ENCRYPTED, []));
  if (!decision) return;
  await showBadge(decision.badge);
  if (decision.do === "close") {
    for (const each of await self.registration.getNotifications({ tag: decision.tag })) each.close();
    return;
  }
  for (const each of await windows()) if (each.focused && (await placeOf(each)) === decision.hash) return; // the person sees the conversation
  await self.registration.showNotification(decision.title, decision.options);
}

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  event.waitUntil(open((event.notification.data as { hash?: string } | null)?.hash ?? "#/"));
});

async function open(hash: string): Promise<void> {
  const [page] = await windows();
  if (!page) {
    await self.clients.openWindow(new URL(`index.html${hash}`, home).href);
    return;
  }
  page.postMessage({ open: hash });
  await page.focus();
}

/** The browser has replaced the subscription: an open page sends it to the server, or else the next page that opens. */
self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(windows().then((pages) => pages.forEach((each) => each.postMessage({ renew: true }))));
});

const windows = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });

/** A page's present fragment, null if it does not answer. It is asked, since `page.url` is the URL it was opened at. */
function placeOf(page: Client): Promise<string | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    setTimeout(resolve, ANSWER_TIMEOUT_MS, null);
    port1.onmessage = ({ data }) => resolve(data as string);
    page.postMessage({ look: true }, [port2]);
  });
}

function parsed(data: PushMessageData | null): unknown {
  try {
    return data?.json() ?? null;
  } catch {
    return null; // malformed
  }
}

async function stored<T>(name: string, otherwise: T): Promise<T> {
  const kept = await (await caches.open(PUSH_CACHE)).match(name);
  return kept ? ((await kept.json()) as T) : otherwise;
}

async function showBadge(count: number): Promise<void> {
  if (!("setAppBadge" in self.navigator)) return;
  await (count > 0 ? self.navigator.setAppBadge(count) : self.navigator.clearAppBadge());
}
