/** Global keyboard shortcuts. Those with a modifier work everywhere; `?` does not work in text fields. */
import { useEffect } from "react";
import type { TextKey } from "../i18n";

export interface Shortcut {
  readonly keys: readonly string[];
  readonly text: TextKey;
}

const MOD = /Mac|iP(hone|ad)/.test(navigator.platform) ? "⌘" : "Ctrl";

export const SHORTCUTS: readonly Shortcut[] = [
  { keys: [MOD, "K"], text: "shortcuts.palette" },
  { keys: ["?"], text: "shortcuts.sheet" },
  { keys: ["Alt", "↓"], text: "shortcuts.next" },
  { keys: ["Alt", "↑"], text: "shortcuts.previous" },
  { keys: [MOD, ","], text: "shortcuts.settings" },
  { keys: ["Enter"], text: "shortcuts.send" },
  { keys: ["Shift", "Enter"], text: "shortcuts.line" },
  { keys: ["Esc"], text: "shortcuts.close" },
];

export interface Doing {
  readonly palette: () => void;
  readonly sheet: () => void;
  readonly settings: () => void;
  /** Opens the next conversation of the list, or the previous one. */
  readonly step: (by: 1 | -1) => void;
}

export function useShortcuts(doing: Doing): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const act = actOf(event, doing);
      if (!act) return;
      event.preventDefault();
      act();
    };
    addEventListener("keydown", onKeyDown);
    return () => removeEventListener("keydown", onKeyDown);
  });
}

export function actOf(event: KeyboardEvent, doing: Doing): (() => void) | null {
  const mod = (event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey;
  if (mod && event.key.toLowerCase() === "k") return doing.palette;
  if (mod && event.key === ",") return doing.settings;
  if (event.altKey && !event.ctrlKey && !event.metaKey) {
    if (event.key === "ArrowDown") return () => doing.step(1);
    if (event.key === "ArrowUp") return () => doing.step(-1);
  }
  if (event.key === "?" && !event.ctrlKey && !event.metaKey && !isTextField(event.target)) return doing.sheet;
  return null;
}

function isTextField(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}
