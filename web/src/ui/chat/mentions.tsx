/** Completion of `@names` in the composer. The text box keeps the focus, and its keys control the list. */
import { type KeyboardEvent, type RefObject, useId, useState } from "react";
import { useTranslations } from "../../i18n";
import { useChat } from "./context";
import { type Suggestion, beginning, suggestions } from "./mention-words";
import { Username } from "../username";

export interface Mentions {
  readonly found: readonly Suggestion[];
  readonly at: number;
  readonly listId: string;
  readonly choose: (suggestion: Suggestion) => void;
  /** Handles a key; true if the list has used it. */
  readonly pressed: (event: KeyboardEvent) => boolean;
  readonly look: () => void;
  /** ARIA attributes of the text box. */
  readonly box: Record<string, string | undefined>;
}

export function useMentions(box: RefObject<HTMLTextAreaElement | null>, text: string, write: (text: string) => void): Mentions {
  const { members, me, admin, group } = useChat();
  const listId = useId();
  const [caret, setCaret] = useState(-1);
  const [at, setAt] = useState(0);
  const [closed, setClosed] = useState("");
  const typed = beginning(text.slice(0, caret < 0 ? text.length : caret));
  const found = typed === null || typed === closed ? [] : suggestions(members, me, typed, group && admin);
  const current = Math.min(at, found.length - 1);

  const look = () => {
    const where = box.current?.selectionStart ?? -1;
    if (where !== caret) setCaret(where);
  };
  const choose = (suggestion: Suggestion) => {
    const end = caret < 0 ? text.length : caret;
    const start = end - (typed?.length ?? 0);
    const after = text.slice(end);
    write(`${text.slice(0, start)}${suggestion.username}${after.startsWith(" ") ? "" : " "}${after}`);
    const next = start + suggestion.username.length + 1;
    setAt(0);
    requestAnimationFrame(() => {
      box.current?.focus();
      box.current?.setSelectionRange(next, next);
      setCaret(next);
    });
  };
  const pressed = (event: KeyboardEvent): boolean => {
    const chosen = found[current];
    if (!chosen) return false;
    if (event.key === "ArrowDown") setAt((current + 1) % found.length);
    else if (event.key === "ArrowUp") setAt((current + found.length - 1) % found.length);
    else if (event.key === "Enter" || event.key === "Tab") choose(chosen);
    else if (event.key === "Escape") setClosed(typed ?? "");
    else return false;
    event.preventDefault();
    return true;
  };
  const shown = found.length > 0;
  return {
    found,
    at: current,
    listId,
    choose,
    pressed,
    look,
    box: { "aria-autocomplete": "list", "aria-controls": shown ? listId : undefined, "aria-activedescendant": shown ? `${listId}-${current}` : undefined },
  };
}

export function MentionList({ mentions: { found, at, listId, choose } }: { mentions: Mentions }) {
  const t = useTranslations();
  if (found.length === 0) return null;
  return (
    <ul id={listId} className="completion" role="listbox" aria-label={t("chat.mention_whom")}>
      {found.map((each, index) => (
        <li
          key={each.username}
          id={`${listId}-${index}`}
          role="option"
          aria-selected={index === at}
          onPointerDown={(event) => {
            event.preventDefault(); // the text box keeps the focus
            choose(each);
          }}
        >
          <span dir="auto">{each.name || t("chat.everybody")}</span> <Username of={each} />
        </li>
      ))}
    </ul>
  );
}
