import { describe, expect, test } from "vitest";
import ar from "./ar.json";
import chatAr from "./chat.ar.json";
import chatDe from "./chat.de.json";
import chatEn from "./chat.en.json";
import de from "./de.json";
import en from "./en.json";
import { dateOf, timeOf } from "../ui/hooks";
import { type Catalogue, setLocale, translator } from ".";

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

const NOON = new Date(2026, 11, 1, 16, 5).toISOString();
test.each([
  ["en", ["fr-FR", "en-GB", "en-US"], "16:05", "1 Dec 2026", "1,234.5"],
  ["en", ["en-US"], "4:05 PM", "Dec 1, 2026", "1,234.5"],
  ["de", ["en-GB", "de-CH"], "16:05", "01.12.2026", "1'234.5"],
  ["de", ["en-GB"], "16:05", "01.12.2026", "1.234,5"],
] as const)("dates, times and numbers are as where the person lives: %s with %o", async (chosen, wishes, time, day, number) => {
  const { language, locale, t } = await setLocale(chosen, wishes);
  const plain = (text: string) => text.replace("\u202f", " ").replace("’", "'"); // versions of ICU differ in them
  expect([language, timeOf(NOON, locale), dateOf(NOON, locale)].map(plain)).toEqual([chosen, time, day]);
  expect(plain(t("voice.speed", { speed: 1234.5 }))).toContain(number);
});
