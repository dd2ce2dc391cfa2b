/// <reference lib="webworker" />
/** The offline shell: every file of a build is there before it is needed, and the page opens without a network. */
import { cleanupOutdatedCaches, createHandlerBoundToURL, precacheAndRoute } from "workbox-precaching";

declare const self: ServiceWorkerGlobalScope & { __WB_MANIFEST: { url: string; revision: string | null }[] };

precacheAndRoute(self.__WB_MANIFEST);
cleanupOutdatedCaches();
const shell = createHandlerBoundToURL("index.html");
self.addEventListener("fetch", (event) => {
  if (event.request.mode === "navigate" && new URL(event.request.url).pathname === new URL("./", self.location.href).pathname) {
    event.respondWith(shell({ request: event.request, event, url: new URL(event.request.url) }));
  }
});
self.addEventListener("message", (event) => {
  if (event.data === "skipWaiting") void self.skipWaiting();
});
