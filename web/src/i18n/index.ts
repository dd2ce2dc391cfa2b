/**
 * Texts of the screens. English is bundled with the application; other catalogues are loaded when they are chosen.
 *
 * `t("unread", { count: 3 })` uses Intl.PluralRules to choose the locale's plural form (`unread.one`, `unread.other`
 * …).
 */
import { useSyncExternalStore } from "react";
import chatEn from "./chat.en.json";
import generalEn from "./en.json";

/** Catalogues have two parts: one for conversations, and one for everything else. */
const en = { ...generalEn, ...chatEn };

export const LOCALES = { en: "English", de: "Deutsch", ar: "العربية" } as const;
export type Locale = keyof typeof LOCALES;
const RIGHT_TO_LEFT: ReadonlySet<Locale> = new Set<Locale>(["ar"]);

type PluralForm = "zero" | "one" | "two" | "few" | "many" | "other";
type Exact = keyof typeof en;
/** The key of a text; for plural texts without the plural form. */
export type TextKey = Exact extends infer K ? (K extends `${infer Stem}.${PluralForm}` ? Stem : K) : never;
export type Catalogue = Readonly<Record<string, string>>;
export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

const CATALOGUES: Record<Exclude<Locale, "en">, () => Promise<{ default: Catalogue }>> = {
  de: () => import("./de"),
  ar: () => import("./ar"),
};

interface Language {
  readonly language: Locale;
  /** The language as it is spoken where the person is, such as `en-GB`: for dates, times and numbers. */
  readonly locale: string;
  readonly direction: "ltr" | "rtl";
  readonly t: Translate;
}

/** A function that looks texts up in a catalogue, and in English if they are missing there. */
export function translator(locale: string, catalogue: Catalogue): Translate {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const lookUp = (texts: Catalogue, key: string, count: unknown) =>
    (typeof count === "number" ? texts[`${key}.${plurals.select(count)}`] ?? texts[`${key}.other`] : undefined) ?? texts[key];
  return (key, values = {}) => {
    const text = lookUp(catalogue, key, values.count) ?? lookUp(en, key, values.count) ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
    });
  };
}

let language: Language = { language: "en", locale: "en", direction: "ltr", t: translator("en", en) };
const listeners = new Set<() => void>();

/** The first available locale of a list of preferences: `bestLocale(navigator.languages)`. */
export function bestLocale(wishes: readonly string[]): Locale {
  const found = wishes.map((each) => each.split("-")[0] ?? "").find((each) => each in LOCALES);
  return (found as Locale | undefined) ?? "en";
}

/** The first of the preferences that is a form of this language; without one, the language itself. */
export const regionalForm = (of: Locale, wishes: readonly string[]): string => wishes.find((each) => each.split("-")[0] === of) ?? of;

/**
 * Loads a catalogue and renders all texts in it, with dates and numbers as in the first of `wishes` of that language. The
 * caller sets the document's `lang` and `dir`.
 */
export async function setLocale(chosen: Locale, wishes: readonly string[]): Promise<Language> {
  const catalogue: Catalogue = chosen === "en" ? en : (await CATALOGUES[chosen]()).default;
  const locale = regionalForm(chosen, wishes);
  language = { language: chosen, locale, direction: RIGHT_TO_LEFT.has(chosen) ? "rtl" : "ltr", t: translator(locale, catalogue) };
  for (const listener of listeners) listener();
  return language;
}

export const currentLanguage = (): Language => language;

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export function useLanguage(): Language {
  return useSyncExternalStore(subscribe, currentLanguage);
}

export function useTranslations(): Translate {
  return useLanguage().t;
}
