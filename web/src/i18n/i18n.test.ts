import { describe, expect, test } from "vitest";
import ar from "./ar.json";
import chatAr from "./chat.ar.json";
import chatDe from "./chat.de.json";
import chatEn from "./chat.en.json";
import de from "./de.json";
import en from "./en.json";
import { type Catalogue, translator } from ".";

const ENGLISH: Catalogue = { ...en, ...chatEn };
const OTHERS: Readonly<Record<string, Catalogue>> = { ar: { ...ar, ...chatAr }, de: { ...de, ...chatDe } };
const FORM = /\.(zero|one|two|few|many|other)$/;

const names = (texts: Catalogue) => [...new Set(Object.keys(texts).map((each) => each.replace(FORM, "")))].sort();
const values = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(([each]) => each).sort();

describe.each(Object.entries(OTHERS))("in %s", (_, texts) => {
  test("there is each text of the English catalogue and no other", () => {
    expect(names(texts)).toEqual(names(ENGLISH));
  });

  test("a text has the values of the English one", () => {
    const whole = Object.keys(ENGLISH).filter((each) => !FORM.test(each) || each.endsWith(".other"));
    expect(whole.filter((each) => `${values(texts[each] ?? "")}` !== `${values(ENGLISH[each] ?? "")}`)).toEqual([]);
  });
});

test("one is told in the singular", () => {
  const t = translator("en", ENGLISH);
  expect([t("backup.kept", { count: 1 }), t("backup.kept", { count: 2 })]).toEqual(["1 message is backed up.", "2 messages are backed up."]);
});

test("for a plural form that a language does not tell apart it has its own text, not the English one", () => {
  expect(translator("ar", { "unread.other": "رسائل" })("unread", { count: 1 })).toBe("رسائل");
});
