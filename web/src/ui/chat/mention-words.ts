/** The completion of mentions: the word after an `@`, and the matching members. Pure functions. */
import type { Member } from "../../engine";

export interface Suggestion {
  readonly username: string;
  /** Empty for `@all`. */
  readonly name: string;
}

const MAX_SUGGESTIONS = 6;
/** Matches like the service: not within a word, an e-mail address or a path. */
const TYPED = /(?<![A-Za-z0-9@./+-])@([A-Za-z0-9_.]{0,40})$/;

/** The word after the `@` at the end of the text; null if there is none. */
export function beginning(text: string): string | null {
  return TYPED.exec(text)?.[1] ?? null;
}

const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Members, except the writer, with a name or username that begins with `typed`; and `@all` if `everybody`. */
export function suggestions(members: readonly Member[], me: string, typed: string, everybody: boolean): readonly Suggestion[] {
  const wanted = folded(typed);
  const found = members.flatMap(({ user }): Suggestion[] => {
    if (!user || user.id === me) return [];
    const words = [user.username, ...folded(user.display_name).split(/\s+/)];
    return words.some((each) => each.startsWith(wanted)) ? [{ username: user.username, name: user.display_name }] : [];
  });
  const all = everybody && "all".startsWith(wanted) ? [{ username: "all", name: "" }] : [];
  return [...found, ...all].slice(0, MAX_SUGGESTIONS);
}
