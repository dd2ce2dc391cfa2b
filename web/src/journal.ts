/** Texts that outlive a page which ends this very moment, in localStorage. */
import type { Journal } from "./engine";

/** None where the browser keeps storage from pages: what is typed is then in IndexedDB a moment later. */
export function localJournal(): Journal | undefined {
  let storage: Storage;
  try {
    storage = localStorage;
  } catch {
    return undefined; // storage of this page is blocked
  }
  const keys = () => Array.from({ length: storage.length }, (_, at) => storage.key(at) ?? "");
  return {
    write: (key, text) => {
      try {
        storage.setItem(key, text);
      } catch {
        // it is full: IndexedDB, which holds more, has the text in a moment
      }
    },
    remove: (key) => storage.removeItem(key),
    entries: (prefix) => new Map(keys().filter((key) => key.startsWith(prefix)).map((key) => [key, storage.getItem(key) ?? ""])),
  };
}
