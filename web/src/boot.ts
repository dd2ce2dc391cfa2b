/**
 * Starts this page's engine with the URLs from the meta tags, wakes it when the tab is shown or the network is back, and
 * lets it rest when the page is left.
 */
import { type Engine, createEngine } from "./engine";
import { localJournal } from "./journal";

function metaContent(name: string): string | undefined {
  return document.querySelector<HTMLMetaElement>(`meta[name="secureconnect-${name}"]`)?.content || undefined;
}

/** The name under which others see this device, such as "Chrome, Linux". */
function browserName(): string {
  const agent = navigator.userAgent;
  const find = (names: readonly (readonly [RegExp, string])[]) => names.find(([pattern]) => pattern.test(agent))?.[1];
  const browser = find([[/Edg\//, "Edge"], [/Firefox\//, "Firefox"], [/Chrome\//, "Chrome"], [/Safari\//, "Safari"]]);
  const system = find([[/Android/, "Android"], [/iPhone|iPad/, "iOS"], [/Windows/, "Windows"], [/Mac OS/, "macOS"], [/Linux/, "Linux"]]);
  return [browser ?? "Web", system].filter(Boolean).join(", ");
}

/** With `keepsNothing`, for a shared computer, the session ends with the page. */
export async function bootEngine({ keepsNothing = false } = {}): Promise<Engine> {
  const engine = await createEngine({
    httpUrl: metaContent("api") ?? "/v1",
    wsUrl: metaContent("socket"),
    here: location.href,
    journal: localJournal(),
    deviceName: browserName(),
    keepsNothing,
  });
  window.addEventListener("online", () => engine.wake({ networkWasGone: true }));
  window.addEventListener("pagehide", (event) => event.persisted && engine.rest());
  window.addEventListener("pageshow", (event) => event.persisted && engine.wake());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && engine.wake());
  if (keepsNothing) window.addEventListener("pagehide", () => engine.auth.leave());
  await engine.start();
  return engine;
}
