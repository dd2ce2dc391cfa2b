/** Registers the service worker, and tells when a new build is ready. */
import { Value } from "./engine/subscribable";
import { scriptUrl } from "./trusted";

const CHECK_EVERY_MS = 3_600_000;

/** A function that activates a waiting new build and reloads the page; null while there is none. */
export const waitingUpdate = new Value<(() => void) | null>(null);

/** To be called once. Some browsers refuse workers, for example in private windows; the page then works without. */
export async function registerServiceWorker(): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  let registration: ServiceWorkerRegistration;
  try {
    registration = await navigator.serviceWorker.register(scriptUrl("service"), { scope: "./" });
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
  // Browsers check for a new worker only on navigation, and a chat may stay open for weeks.
  const checkForUpdate = () => void registration.update().catch((error: unknown) => console.info("no newer version was looked for", error));
  setInterval(checkForUpdate, CHECK_EVERY_MS);
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && checkForUpdate());
}
