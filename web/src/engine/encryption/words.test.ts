import { expect, test } from "vitest";
import matching from "../../../../tests/unit/search/matching.json";
import { excerpt, fold, partsOf, words } from "./words";

const finds = (q: string, text: string) => partsOf(q).every((part) => words(text).includes(part));

test.each(matching.finds)("as at the server, %s finds %s", (q, text) => expect(finds(q!, text!)).toBe(true));
test.each(matching.misses)("as at the server, %s does not find %s", (q, text) => expect(finds(q!, text!)).toBe(false));

test("Arabic is found without its vowel marks", () => {
  expect(finds("مرحبا", "مَرْحَبًا بكم")).toBe(true);
  expect(fold("مَرْحَبًا")).toBe("مرحبا");
});

test("a long text is shown around the first match, a short one as it is", () => {
  const text = `${"many words before ".repeat(40)}the Café is here${" and many words after".repeat(40)}`;
  const shown = excerpt(text, partsOf("cafe"));
  expect(shown).toContain("the Café is here");
  expect(shown.startsWith("… ") && shown.endsWith(" …")).toBe(true);
  expect(shown.length).toBeLessThan(220);
  expect(excerpt("short", partsOf("cafe"))).toBe("short");
});
