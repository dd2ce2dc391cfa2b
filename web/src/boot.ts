/** The engine of this page: addresses come from its head, and it is woken when somebody looks or the network is back. */
import { type Engine, createEngine } from "./engine";
import { localJournal } from "./journal";

function address(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="secureconnect-${name}"]`)?.content || undefined;
}

export async function bootEngine(): Promise<Engine> {
  const engine = await createEngine({
    httpUrl: address("api") ?? "/v1",
    wsUrl: address("socket"),
    here: location.href,
    journal: localJournal(),
  });
  window.addEventListener("online", () => engine.wake());
  window.addEventListener("pageshow", (event) => event.persisted && engine.wake());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && engine.wake());
  await engine.start();
  return engine;
}
