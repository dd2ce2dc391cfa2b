/** What is being typed after an `@`, and who it may mean. Pure. */
import type { Member } from "../../engine";

export interface Suggestion {
  readonly username: string;
  /** Empty for everybody. */
  readonly name: string;
}

const MOST = 6;
/** As the service reads names: not within a word, an address or a path. */
const TYPED = /(?<![A-Za-z0-9@./+-])@([A-Za-z0-9_.]{0,40})$/;

/** What follows the `@` that the text ends with; null without one. */
export function beginning(text: string): string | null {
  return TYPED.exec(text)?.[1] ?? null;
}

const folded = (text: string): string => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Members whose name or username begins like that, oneself left out; everybody where one may mention them. */
export function suggestions(members: readonly Member[], me: string, typed: string, everybody: boolean): readonly Suggestion[] {
  const wanted = folded(typed);
  const found = members.flatMap(({ user }): Suggestion[] => {
    if (!user || user.id === me) return [];
    const words = [user.username, ...folded(user.display_name).split(/\s+/)];
    return words.some((each) => each.startsWith(wanted)) ? [{ username: user.username, name: user.display_name }] : [];
  });
  const all = everybody && "all".startsWith(wanted) ? [{ username: "all", name: "" }] : [];
  return [...found, ...all].slice(0, MOST);
}
