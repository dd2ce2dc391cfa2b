/** Registers the service worker under the page's Trusted Types policy; tells when a new build waits. */
import { Value } from "./engine/subscribable";

interface Policy {
  createScriptURL(url: string): unknown;
}
declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy };
  }
}

const SCRIPT = "./sw.js";
const LOOK_EVERY_MS = 3_600_000;

/** A newer build is here and waits: calling it loads the page with it. null while there is none. */
export const waitingUpdate = new Value<(() => void) | null>(null);

/** To be called once. A browser that refuses workers, as in some private windows, shows the page without. */
export async function registerServiceWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const policy = window.trustedTypes?.createPolicy("secureconnect", {
    createScriptURL: (url) => {
      if (url !== SCRIPT) throw new TypeError(`not one of our scripts: ${url}`);
      return url;
    },
  });
  const url = (policy?.createScriptURL(SCRIPT) ?? SCRIPT) as string;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(url, { scope: "./" });
  } catch (error) {
    console.warn("no service worker: neither offline use nor pushes", error);
    return;
  }
  const offer = (worker: ServiceWorker | null) => {
    if (worker?.state === "installed" && navigator.serviceWorker.controller) {
      waitingUpdate.set(() => {
        navigator.serviceWorker.addEventListener("controllerchange", () => location.reload(), { once: true });
        worker.postMessage("skipWaiting");
      });
    }
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => offer(worker));
  });
  // Browsers look for a newer worker when a page is opened, and a chat stays open for weeks.
  const look = () => void registration.update().catch((error: unknown) => console.info("no newer version was looked for", error));
  setInterval(look, LOOK_EVERY_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && look());
}
