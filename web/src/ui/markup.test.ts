import type { ReactNode } from "react";
import { expect, test } from "vitest";
import { Markup, plainOf } from "./markup";

interface Element {
  readonly type: string;
  readonly props: { readonly children?: ReactNode; readonly href?: string };
}

const isElement = (node: unknown): node is Element => typeof node === "object" && node !== null && "props" in node;

/** All elements and texts of a tree, in document order. */
function partsOf(node: ReactNode): (Element | string)[] {
  if (Array.isArray(node)) return node.flatMap((each: ReactNode) => partsOf(each));
  if (isElement(node)) return [node, ...partsOf(node.props.children)];
  return typeof node === "string" ? [node] : [];
}

/** A seeded random number generator (mulberry32): whole numbers from 0 up to, but not including, `below`. */
function numbersOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const PIECES = ["`", "``", "```", "~~~", "**", "_", "~~", "\n", " ", "a", "é", "\u202e", "\ud800", "<b>", '"', "(", ")", "https://", "http://x.y", "javascript:", "data:", "&lt;", "[a](b)", "> ", "- ", "1. "];

function madeOf(seed: number): string {
  const next = numbersOf(seed);
  return Array.from({ length: next(40) }, () => PIECES[next(PIECES.length)]).join("");
}

test("any text renders only to allowed elements and http(s) links, and its characters keep their order", () => {
  for (let seed = 0; seed < 5_000; seed++) {
    const text = madeOf(seed);
    const parts = partsOf(Markup({ text }));
    const elements = parts.filter(isElement);
    const shown = parts.filter((each) => typeof each === "string").join("");
    expect(elements.map((each) => each.type).filter((type) => !["div", "p", "pre", "code", "strong", "em", "s", "a", "blockquote", "ul", "ol", "li"].includes(type))).toEqual([]);
    for (const each of elements) if (each.type === "a") expect(each.props.href).toMatch(/^https?:\/\//);
    expect(isWithin(shown, text), text).toBe(true);
  }
});

/** Whether `part` is a subsequence of `whole`. */
function isWithin(part: string, whole: string): boolean {
  let at = 0;
  for (const char of part) {
    at = whole.indexOf(char, at) + char.length;
    if (at < char.length) return false;
  }
  return true;
}

const LONGEST = 10_000;
const HARD = ["`", "``a", "`a", "_a ", "**a", "~~a", "**_~~", "_**", "(_", "https://", "https://a.", "https://a(", "https://a(b)", "https://а(", "```\n", "> ", "> > a\n", "- ", "- a\n", "1. a\n  b\n", "` ` `` ", "** _ ~~ `"];

test.each(HARD)("a long message of repeated %j renders within a second", (piece) => {
  for (const text of [piece.repeat(LONGEST / piece.length), `${"`".repeat(LONGEST / 2)}${"a".repeat(LONGEST / 2)}`]) {
    const began = performance.now();
    Markup({ text });
    expect(performance.now() - began).toBeLessThan(1_000);
  }
});

const linksIn = (text: string): unknown[] =>
  partsOf(Markup({ text }))
    .filter(isElement)
    .flatMap((each) => (each.type === "a" ? [each.props.href] : []));

const DOCS = "https://example.com/docs";

test.each([
  ["請看https://example.com/docs，謝謝", DOCS],
  ["見て：https://example.com/docs。次へ", DOCS],
  ["「https://example.com/docs」です", DOCS],
  ["https://example.com/docs（旧版）", DOCS],
  ["انظر https://example.com/docs، شكرا", DOCS],
  ["देखें https://example.com/docs।", DOCS],
  ["see https://example.com/docs…", DOCS],
  ["(https://example.com/docs)", DOCS],
  ["[https://example.com/docs]", DOCS],
  ["'https://example.com/docs'?", DOCS],
  ["https://example.com/docs).", DOCS],
  ["https://ja.wikipedia.org/wiki/日本語", "https://ja.wikipedia.org/wiki/日本語"],
  ["(https://de.wikipedia.org/wiki/Haus_(Bau))", "https://de.wikipedia.org/wiki/Haus_(Bau)"],
  ["https://example.com/?q=a+b&c=%20#:~:text=d,e", "https://example.com/?q=a+b&c=%20#:~:text=d,e"],
])("a link in %s ends where the address ends", (text, href) => {
  expect(linksIn(text)).toEqual([href]);
});

test.each(["snake_case_name", "отчёт_за_ноябрь.pdf", "αρχείο_με_όνομα", "変数_名_前", "é_é_é"])("lines inside of the word %s are its own", (text) => {
  expect(partsOf(Markup({ text })).filter((each) => typeof each === "string")).toEqual([text]);
});

test("a word between lines is slanted in any script", () => {
  for (const text of ["_да_", "（_はい_）", "a _b_, c"]) expect(partsOf(Markup({ text })).filter((each) => isElement(each) && each.type === "em")).toHaveLength(1);
});

test.each([
  ["See `gauge --find`:\n```\nbench: 1\n```\nthere", "See gauge --find:\nbench: 1\nthere"],
  ["**Do _not_ open** the ~~left~~ right one", "Do not open the left right one"],
  ["snake_case_names and https://example.com/a_b_c stay", "snake_case_names and https://example.com/a_b_c stay"],
  ["2 ** 3 and a lone ` too", "2 ** 3 and a lone ` too"],
])("the beginning of a text is shown without its marks: %j", (text, plain) => {
  expect(plainOf(text)).toBe(plain);
});

test.each(["\n", "\r\n", "\r", "\u2028", "\u2029", "\u0085"])("a line ends at %j, which a browser need not show", (end) => {
  expect(partsOf(Markup({ text: `soup${end}salad` })).filter((each) => typeof each === "string")).toEqual(["soup\nsalad"]);
  const [code] = partsOf(Markup({ text: ["see", "```", "a_b_c", "```"].join(end) })).filter((each) => isElement(each) && each.type === "code");
  expect(partsOf(code as ReactNode)).toContain("a_b_c");
});

/** A tree as text: each element's name with what is in it. */
function outline(node: ReactNode): string {
  if (Array.isArray(node)) return node.map((each: ReactNode) => outline(each)).join("");
  if (!isElement(node)) return typeof node === "string" ? node : "";
  const { start } = node.props as { readonly start?: number };
  return `(${node.type}${start === undefined ? "" : ` ${String(start)}`} ${outline(node.props.children)})`;
}

test.each([
  ["> Friday?\n> Really?\nYes!", "(blockquote (p Friday?\nReally?))(p Yes!)"],
  [">> a\n> b", "(blockquote (blockquote (p a))(p b))"],
  ["To do:\n- **polls**\n- calls\n  and more\nDone", "(p To do:)(ul (li (strong polls))(li calls\nand more))(p Done)"],
  ["3. c\n4. d\n- e", "(ol 3 (li c)(li d))(ul (li e))"],
  ["> ```\n> - a\n> ```", "(blockquote (pre (code - a)))"],
  ["-5 to 3 - or -- 4\n2.5 m\n1.\n> ", "(p -5 to 3 - or -- 4\n2.5 m\n1.)(blockquote (p ))"],
  ["a ``` b", "(p a ``` b)"],
  ["``a ` b`` and ```c``` and ```d", "(p (code a ` b) and (code c) and ```d)"],
])("quotes, lists and code of %j", (text, shown) => {
  expect(outline(Markup({ text }))).toBe(`(div ${shown})`);
});

test("of quotes within quotes without end the inner ones stay text", () => {
  expect(outline(Markup({ text: ">".repeat(9) + " deep" }))).toBe(`(div ${"(blockquote ".repeat(4)}(p >>>>> deep)${")".repeat(4)})`);
});
