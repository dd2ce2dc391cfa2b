/** Registers the service worker under the page's Trusted Types policy; tells when a new build waits. */

interface Policy {
  createScriptURL(url: string): unknown;
}
declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy };
  }
}

const SCRIPT = "./sw.js";

export async function registerServiceWorker(onUpdate: (activate: () => void) => void): Promise<void> {
  if (!("serviceWorker" in navigator)) return;
  const policy = window.trustedTypes?.createPolicy("secureconnect", {
    createScriptURL: (url) => {
      if (url !== SCRIPT) throw new TypeError(`not one of our scripts: ${url}`);
      return url;
    },
  });
  const url = (policy?.createScriptURL(SCRIPT) ?? SCRIPT) as string;
  const registration = await navigator.serviceWorker.register(url, { scope: "./" });
  const offer = (worker: ServiceWorker | null) => {
    if (worker?.state === "installed" && navigator.serviceWorker.controller) {
      onUpdate(() => worker.postMessage("skipWaiting"));
    }
  };
  offer(registration.waiting);
  registration.addEventListener("updatefound", () => {
    const worker = registration.installing;
    worker?.addEventListener("statechange", () => offer(worker));
  });
}
