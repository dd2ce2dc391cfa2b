/**
 * Where one is in the application, as it stands behind `#` in the address: so a reload, a link and the browser's
 * buttons lead where they should. `#/conversations/cnv_1/thread/msg_2` is a conversation with a panel beside it.
 */
import { useSyncExternalStore } from "react";

export type Place =
  | { readonly screen: "home" }
  /** `panel` is a key of `PANELS` (panels.tsx), `detail` what it shows; `message` is shown and marked in the history. */
  | { readonly screen: "conversations"; readonly id: string; readonly panel?: string; readonly detail?: string; readonly message?: string }
  /** A key of `SCREENS` (panels.tsx); `section` is a part of it. */
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

/** What follows `?` behind `#`, such as the token in a letter's link. */
export function questionOf(hash: string): URLSearchParams {
  return new URLSearchParams(hash.split("?")[1] ?? "");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part; // somebody's own typing in the address bar
  }
}

let hash = "";
let place: Place = { screen: "home" };
const listeners = new Set<() => void>();

function look(): void {
  if (location.hash === hash) return;
  hash = location.hash;
  place = placeOf(hash);
  for (const each of listeners) each();
}

export const currentPlace = (): Place => {
  if (hash === "" && location.hash !== "") look();
  return place;
};

export function go(to: Place, { replace = false } = {}): void {
  const wanted = hashOf(to);
  if (wanted === location.hash) return;
  history[replace ? "replaceState" : "pushState"](null, "", wanted);
  look();
}

export const openConversation = (id: string, rest: { panel?: string; detail?: string; message?: string } = {}): void =>
  go({ screen: "conversations", id, ...rest });
export const openScreen = (name: string, section?: string): void =>
  go({ screen: "screen", name, ...(section === undefined ? {} : { section }) });
export const goHome = (): void => go({ screen: "home" });

function subscribe(listener: () => void): () => void {
  if (listeners.size === 0) {
    addEventListener("popstate", look);
    addEventListener("hashchange", look);
  }
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    removeEventListener("popstate", look);
    removeEventListener("hashchange", look);
  };
}

export function usePlace(): Place {
  return useSyncExternalStore(subscribe, currentPlace);
}
