/** The engine without screens, for tests in a real browser: `window.ready` resolves to this tab's engine. */
import { type Engine, createEngine } from "../../src/engine";

declare global {
  interface Window {
    ready: Promise<Engine>;
    engine: Engine;
    /** Texts of the messages whose events this tab got, in order. */
    heard: string[];
  }
}

window.heard = [];
window.ready = (async () => {
  const httpUrl = new URLSearchParams(location.search).get("api") ?? "";
  const settings = { pollMs: 500, policy: { backoff: { baseMs: 100, capMs: 500 }, spreadMs: 200, lifetimeMs: [6e6, 6e6], stableMs: 0 } } as const;
  const engine = (window.engine = await createEngine({ httpUrl, here: location.href, settings }));
  engine.on("message.created", (event) => window.heard.push(event.data?.text ?? ""));
  await engine.start();
  return engine;
})();
