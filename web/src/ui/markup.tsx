/**
 * Renders a subset of Markdown: **bold**, _italic_, ~~struck~~, `code`, fenced code blocks, quotes, lists, and plain
 * URLs as links. Lists have one level, and quotes within quotes stop at DEEPEST, since a message may have thousands.
 */
import type { ReactNode } from "react";

/** Where lines end: iPhones write U+2028 for Enter, which browsers show as nothing at all. */
const LINE_END = /\r\n|[\n\r\u0085\u2028\u2029]/u;
const FENCE = /^ {0,3}(```+|~~~+)/;
const QUOTED = /^ {0,3}> ?/;
const DEEPEST = 4;
/** The mark of an item and the number of a numbered one (CommonMark 5.2, without `+`, which begins sums). */
const ITEM = /^ {0,3}(?:[-*]|(\d{1,9})[.)]) +(?=\S)/;
const GOES_ON = /^ {2,}\S/;
/** What a URL has between brackets: ASCII but " < >, and letters and signs of any script, whose punctuation ends it. */
const ADDRESS = String.raw`[!#-'*-;=?-~\p{L}\p{M}\p{N}\p{So}]`;
/** Brackets in a plain URL are pairs, and what ends a sentence or a quotation is not the last of it. */
const PLAIN_URL = String.raw`https?:\/\/(?:${ADDRESS}|\(${ADDRESS}*\))+(?<![.,;:!?'*\]}])`;
const IN_WORD = String.raw`[\p{L}\p{M}\p{N}_]`;
const INLINE = new RegExp(
  ["(?<!`)(`+)(?!`)(.+?)(?<!`)\\1(?!`)", String.raw`\*\*(.+?)\*\*`, `(?<!${IN_WORD})_(.+?)_(?!${IN_WORD})`, "~~(.+?)~~", `(${PLAIN_URL})`].join("|"),
  "gsu",
);

export function Markup({ text }: { text: string }) {
  return <div className="text">{blocks(text.split(LINE_END))}</div>;
}

function blocks(lines: readonly string[], depth = 0): ReactNode[] {
  const found: ReactNode[] = [];
  const isQuoted = (line: string) => depth < DEEPEST && QUOTED.test(line);
  const isPlain = (line: string) => !FENCE.test(line) && !isQuoted(line) && !ITEM.test(line);
  /** The lines from `at` on for which this holds. */
  const take = (holds: (line: string) => boolean) => {
    const from = at;
    while (at < lines.length && holds(lines[at] ?? "")) at++;
    return lines.slice(from, at);
  };
  let at = 0;
  while (at < lines.length) {
    const key = at;
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line)?.[1];
    const item = ITEM.exec(line);
    if (fence !== undefined) {
      at++;
      const code = take((each) => !each.trimStart().startsWith(fence));
      at++;
      found.push(
        <pre key={key} dir="ltr">
          <code>{code.join("\n")}</code>
        </pre>,
      );
    } else if (isQuoted(line)) {
      const quoted = take(isQuoted).map((each) => each.replace(QUOTED, ""));
      found.push(<blockquote key={key}>{blocks(quoted, depth + 1)}</blockquote>);
    } else if (item) {
      const first = item[1];
      const isOfList = (each: string) => {
        const mark = ITEM.exec(each);
        return mark ? (mark[1] === undefined) === (first === undefined) : GOES_ON.test(each);
      };
      const texts = items(take(isOfList));
      found.push(
        first === undefined ? (
          <ul key={key} dir="auto">
            {texts}
          </ul>
        ) : (
          <ol key={key} dir="auto" start={Number(first)}>
            {texts}
          </ol>
        ),
      );
    } else found.push(<p key={key} dir="auto">{inline(take(isPlain).join("\n"))}</p>);
  }
  return found;
}

/** The items of a list's lines; a line that has no mark goes on with the item before. */
function items(lines: readonly string[]): ReactNode[] {
  const texts: string[][] = [];
  for (const line of lines) {
    if (ITEM.test(line)) texts.push([line.replace(ITEM, "")]);
    else texts.at(-1)?.push(line.trimStart());
  }
  return texts.map((each, number) => <li key={number}>{inline(each.join("\n"))}</li>);
}

/** A text as it reads without its marks, for a line that shows its beginning. */
export function plainOf(text: string): string {
  const lines = text.split(LINE_END).filter((line) => !FENCE.test(line));
  return lines.join("\n").replace(INLINE, (whole: string, _: string, code?: string, bold?: string, italic?: string, struck?: string) => {
    const inside = bold ?? italic ?? struck;
    return code ?? (inside === undefined ? whole : plainOf(inside));
  });
}

export function inline(text: string): ReactNode[] {
  const parts: ReactNode[] = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    const [whole, , code, bold, italic, struck, link] = match;
    parts.push(text.slice(end, match.index));
    const key = match.index;
    if (code !== undefined) parts.push(<code key={key}>{code}</code>);
    else if (bold !== undefined) parts.push(<strong key={key}>{inline(bold)}</strong>);
    else if (italic !== undefined) parts.push(<em key={key}>{inline(italic)}</em>);
    else if (struck !== undefined) parts.push(<s key={key}>{inline(struck)}</s>);
    else if (link !== undefined)
      parts.push(
        <a key={key} href={link} target="_blank" rel="noopener noreferrer nofollow">
          {link}
        </a>,
      );
    end = key + whole.length;
  }
  parts.push(text.slice(end));
  return parts;
}
