/// <reference lib="webworker" />
/**
 * The offline shell, and pushes. Every file of a build is there before it is needed, and the page opens without a
 * network. Pushes come while no page is open; what they say is decided in push-messages.ts.
 */
import { cleanupOutdatedCaches, getCacheKeyForURL, matchPrecache, precache } from "workbox-precaching";
import { PUSH_CACHE, PUSH_TEXTS, type PushTexts, decidePush } from "./push-messages";

const SHELL_CACHE = "secureconnect-shell";
declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precache(self.__WB_MANIFEST);
cleanupOutdatedCaches();
const home = new URL("./", self.location.href);
const SHELL = new URL("index.html", home).href;
const ASKING_MS = 3_000;
const LOOKING_MS = 1_000; // a page on a busy machine

self.addEventListener("install", (event) => event.waitUntil(caches.delete(SHELL_CACHE)));
self.addEventListener("fetch", (event) => {
  const { mode, url } = event.request;
  if (mode === "navigate" && [home.href, SHELL].includes(url.replace(/[?#].*$/, ""))) event.respondWith(page(event.request));
  else if (getCacheKeyForURL(url) !== undefined) event.respondWith(matchPrecache(event.request).then((kept) => kept ?? fetch(event.request)));
});

/** The page says where the API is, so it is asked for anew; without a network the last one does. */
async function page(request: Request): Promise<Response> {
  const cache = await caches.open(SHELL_CACHE);
  try {
    const answer = await fetch(request, { signal: AbortSignal.timeout(ASKING_MS) });
    if (answer.ok) {
      await cache.put(SHELL, answer.clone());
      return answer;
    }
  } catch {
    // no network, or one that leads nowhere
  }
  return (await cache.match(SHELL)) ?? (await matchPrecache(SHELL)) ?? Response.error();
}

self.addEventListener("message", (event) => {
  if (event.data === "skipWaiting") void self.skipWaiting();
});

self.addEventListener("push", (event) => event.waitUntil(hear(event.data)));

async function hear(data: PushMessageData | null): Promise<void> {
  const said = decidePush(parsed(data), await texts());
  if (!said) return;
  await showBadge(said.badge);
  if (said.do === "close") {
    for (const each of await self.registration.getNotifications({ tag: said.tag })) each.close();
    return;
  }
  for (const each of await windows()) if (each.focused && (await shownBy(each)) === said.hash) return; // they see it
  await self.registration.showNotification(said.title, said.options);
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

/** The browser has given this device a new address: a page tells the server, now or when the next one opens. */
self.addEventListener("pushsubscriptionchange", (event) => {
  (event as ExtendableEvent).waitUntil(windows().then((pages) => pages.forEach((each) => each.postMessage({ renew: true }))));
});

const windows = () => self.clients.matchAll({ type: "window", includeUncontrolled: true });

/** Where a page is now, which it alone knows: its URL here is the one that it was opened at. null: it does not answer. */
function shownBy(page: Client): Promise<string | null> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    setTimeout(resolve, LOOKING_MS, null);
    port1.onmessage = ({ data }) => resolve(data as string);
    page.postMessage({ look: true }, [port2]);
  });
}

function parsed(data: PushMessageData | null): unknown {
  try {
    return data?.json() ?? null;
  } catch {
    return null; // no push of ours
  }
}

async function texts(): Promise<PushTexts> {
  const kept = await (await caches.open(PUSH_CACHE)).match(PUSH_TEXTS);
  return kept ? ((await kept.json()) as PushTexts) : {};
}

async function showBadge(count: number): Promise<void> {
  if (!("setAppBadge" in self.navigator)) return;
  await (count > 0 ? self.navigator.setAppBadge(count) : self.navigator.clearAppBadge());
}
