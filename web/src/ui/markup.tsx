/**
 * Renders a subset of Markdown: **bold**, _italic_, ~~struck~~, `code`, fenced code blocks, and plain URLs as links.
 */
import type { ReactNode } from "react";

/** Where lines end: iPhones write U+2028 for Enter, which browsers show as nothing at all. */
const LINE_END = /\r\n|[\n\r\u0085\u2028\u2029]/u;
const FENCE = /^ {0,3}(```+|~~~+)/;
/** What a URL has between brackets: ASCII but " < >, and letters and signs of any script, whose punctuation ends it. */
const ADDRESS = String.raw`[!#-'*-;=?-~\p{L}\p{M}\p{N}\p{So}]`;
/** Brackets in a plain URL are pairs, and what ends a sentence or a quotation is not the last of it. */
const PLAIN_URL = String.raw`https?:\/\/(?:${ADDRESS}|\(${ADDRESS}*\))+(?<![.,;:!?'*\]}])`;
const IN_WORD = String.raw`[\p{L}\p{M}\p{N}_]`;
const INLINE = new RegExp(
  ["(`+)(.+?)\\1", String.raw`\*\*(.+?)\*\*`, `(?<!${IN_WORD})_(.+?)_(?!${IN_WORD})`, "~~(.+?)~~", `(${PLAIN_URL})`].join("|"),
  "gsu",
);

export function Markup({ text }: { text: string }) {
  return <div className="text">{blocks(text)}</div>;
}

function blocks(text: string): ReactNode[] {
  const found: ReactNode[] = [];
  const plain: string[] = [];
  const flush = () => {
    if (plain.length > 0) found.push(<p key={found.length} dir="auto">{inline(plain.splice(0).join("\n"))}</p>);
  };
  const lines = text.split(LINE_END);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const fence = FENCE.exec(line)?.[1];
    if (fence === undefined) {
      plain.push(line);
      continue;
    }
    flush();
    const code: string[] = [];
    while (++at < lines.length && !lines[at]?.trimStart().startsWith(fence)) code.push(lines[at] ?? "");
    found.push(
      <pre key={found.length} dir="ltr">
        <code>{code.join("\n")}</code>
      </pre>,
    );
  }
  flush();
  return found;
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
