/** The engine's journal in localStorage, which writes synchronously: texts survive a page that ends right after. */
import type { Journal } from "./engine";

/** undefined if the browser blocks storage; texts are then only in IndexedDB, a moment later. */
export function localJournal(): Journal | undefined {
  let storage: Storage;
  try {
    storage = localStorage;
  } catch {
    return undefined; // storage is blocked for this page
  }
  const keys = () => Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? "");
  return {
    write: (key, text) => {
      try {
        storage.setItem(key, text);
      } catch {
        // localStorage is full: IndexedDB, which holds more, gets the text in a moment
      }
    },
    remove: (key) => storage.removeItem(key),
    entries: (prefix) => new Map(keys().filter((key) => key.startsWith(prefix)).map((key) => [key, storage.getItem(key) ?? ""])),
  };
}
