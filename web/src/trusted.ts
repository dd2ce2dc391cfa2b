/** The page's Trusted Types policy: the scripts that it may start workers with, and no others. */
import frameWorker from "./ui/call/frame-worker?worker&url";

interface Policy {
  createScriptURL(url: string): unknown;
}
declare global {
  interface Window {
    trustedTypes?: { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy };
  }
}

const SCRIPTS: Readonly<Record<"service" | "frames", string>> = { service: "./sw.js", frames: frameWorker };

const policy = window.trustedTypes?.createPolicy("secureconnect", {
  createScriptURL: (url) => {
    if (!Object.values(SCRIPTS).includes(url)) throw new TypeError(`not one of our scripts: ${url}`);
    return url;
  },
});

/** The address of a worker's script, as browsers with Trusted Types take it. */
export function scriptUrl(name: keyof typeof SCRIPTS): string {
  const url = SCRIPTS[name];
  return (policy?.createScriptURL(url) ?? url) as string;
}
