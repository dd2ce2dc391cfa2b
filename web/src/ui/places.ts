/**
 * The router: the present place in the application is in the URL's fragment, so that reloads, links and the browser's
 * back button work. `#/conversations/cnv_1/thread/msg_2` is a conversation with a panel beside it.
 */
import { useSyncExternalStore } from "react";

export type Place =
  | { readonly screen: "home" }
  /** `panel` is a key of `PANELS` (panels.tsx), `detail` its parameter; `message` is scrolled to and highlighted. */
  | { readonly screen: "conversations"; readonly id: string; readonly panel?: string; readonly detail?: string; readonly message?: string }
  /** `name` is a key of `SCREENS` (panels.tsx), `section` a part of that screen. */
  | { readonly screen: "screen"; readonly name: string; readonly section?: string };

const MESSAGES = "messages";

export function placeOf(hash: string): Place {
  const [screen, first, second, third] = hash
    .replace(/^#?\/?/, "")
    .replace(/\?.*$/, "")
    .split("/")
    .map(decoded);
  if (!screen) return { screen: "home" };
  if (screen !== "conversations") return { screen: "screen", name: screen, ...(first ? { section: first } : {}) };
  if (!first) return { screen: "home" };
  if (second === MESSAGES) return { screen, id: first, ...(third ? { message: third } : {}) };
  return { screen, id: first, ...(second ? { panel: second } : {}), ...(third ? { detail: third } : {}) };
}

export function hashOf(place: Place): string {
  const parts =
    place.screen === "home"
      ? []
      : place.screen === "screen"
        ? [place.name, place.section]
        : place.message !== undefined
          ? [place.screen, place.id, MESSAGES, place.message]
          : [place.screen, place.id, place.panel, place.detail];
  return `#/${parts.filter((each) => each !== undefined).map(encodeURIComponent).join("/")}`;
}

/** The query parameters within the fragment, such as the token of an e-mail's link. */
export function questionOf(hash: string): URLSearchParams {
  return new URLSearchParams(hash.split("?")[1] ?? "");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // malformed percent-encoding, for example typed by hand
  }
}

let hash = "";
let place: Place = { screen: "home" };
const listeners = new Set<() => void>();

function update(): void {
  if (location.hash === hash) return;
  hash = location.hash;
  place = placeOf(hash);
  for (const each of listeners) each();
}

export const currentPlace = (): Place => {
  if (hash === "" && location.hash !== "") update();
  return place;
};

export function go(to: Place, { replace = false } = {}): void {
  const wanted = hashOf(to);
  if (wanted === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", wanted);
  update();
}

export const openConversation = (id: string, rest: { panel?: string; detail?: string; message?: string } = {}): void =>
  go({ screen: "conversations", id, ...rest });
export const openScreen = (name: string, section?: string): void =>
  go({ screen: "screen", name, ...(section === undefined ? {} : { section }) });
export const goHome = (): void => go({ screen: "home" });

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    addEventListener("popstate", update);
    addEventListener("hashchange", update);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    removeEventListener("popstate", update);
    removeEventListener("hashchange", update);
  };
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, currentPlace);
}
