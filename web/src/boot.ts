/** The engine of this page: addresses come from its head, and it is woken when somebody looks or the network is back. */
import { type Engine, createEngine } from "./engine";
import { localJournal } from "./journal";

function address(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="secureconnect-${name}"]`)?.content || undefined;
}

/** What others see of this device, such as "Chrome, Linux". */
function browserName(): string {
  const agent = navigator.userAgent;
  const find = (names: readonly (readonly [RegExp, string])[]) => names.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"]]);
  const system = find([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]]);
  return [browser ?? "Web", system].filter(Boolean).join(", ");
}

export async function bootEngine(): Promise<Engine> {
  const engine = await createEngine({
    httpUrl: address("api") ?? "/v1",
    wsUrl: address("socket"),
    here: location.href,
    journal: localJournal(),
    deviceName: browserName(),
  });
  window.addEventListener("online", () => engine.wake());
  window.addEventListener("pageshow", (event) => event.persisted && engine.wake());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && engine.wake());
  await engine.start();
  return engine;
}
