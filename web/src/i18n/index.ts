/**
 * Texts of the screens. English comes with the application, the other catalogues when they are chosen.
 *
 * `t("unread", { count: 3 })` takes the plural form of the locale (`unread.one`, `unread.other` …) by Intl.PluralRules.
 */
import { useSyncExternalStore } from "react";
import chatEn from "./chat.en.json";
import generalEn from "./en.json";

/** Catalogues are kept in parts: conversations have theirs, everything else the general one. */
const en = { ...generalEn, ...chatEn };

export const LOCALES = { en: "English", de: "Deutsch", ar: "العربية" } as const;
export type Locale = keyof typeof LOCALES;
const RIGHT_TO_LEFT: ReadonlySet<Locale> = new Set<Locale>(["ar"]);

type PluralForm = "zero" | "one" | "two" | "few" | "many" | "other";
type Exact = keyof typeof en;
/** A text's key, or the stem of a plural one. */
export type TextKey = Exact extends infer K ? (K extends `${infer Stem}.${PluralForm}` ? Stem : K) : never;
export type Catalogue = Readonly<Record<string, string>>;
export type Translate = (key: TextKey, values?: Readonly<Record<string, string | number>>) => string;

type Part = Promise<{ default: Catalogue }>;
const both = async (general: Part, chat: Part): Promise<Catalogue> => ({ ...(await general).default, ...(await chat).default });
const CATALOGUES: Record<Exclude<Locale, "en">, () => Promise<Catalogue>> = {
  de: () => both(import("./de.json"), import("./chat.de.json")),
  ar: () => both(import("./ar.json"), import("./chat.ar.json")),
};

interface Language {
  readonly locale: Locale;
  readonly direction: "ltr" | "rtl";
  readonly t: Translate;
}

/** What looks texts up in a catalogue, and in English where it has none. */
export function translator(locale: Locale, catalogue: Catalogue): Translate {
  const plurals = new Intl.PluralRules(locale);
  const numbers = new Intl.NumberFormat(locale);
  const fallback: Catalogue = en;
  const look = (key: string) => catalogue[key] ?? fallback[key];
  return (key, values = {}) => {
    const count = values.count;
    const form = typeof count === "number" ? look(`${key}.${plurals.select(count)}`) ?? look(`${key}.other`) : undefined;
    const text = form ?? look(key) ?? key;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => {
      const value = values[name];
      return value === undefined ? whole : typeof value === "number" ? numbers.format(value) : value;
    });
  };
}

let language: Language = { locale: "en", direction: "ltr", t: translator("en", en) };
const listeners = new Set<() => void>();

/** The locale that fits the wishes best, in their order: `bestLocale(navigator.languages)`. */
export function bestLocale(wishes: readonly string[]): Locale {
  const found = wishes.map((each) => each.split("-")[0] ?? "").find((each) => each in LOCALES);
  return (found as Locale | undefined) ?? "en";
}

/** Loads a catalogue and shows it everywhere. The document's `lang` and `dir` are the caller's to set. */
export async function setLocale(locale: Locale): Promise<Language> {
  const catalogue: Catalogue = locale === "en" ? en : await CATALOGUES[locale]();
  language = { locale, direction: RIGHT_TO_LEFT.has(locale) ? "rtl" : "ltr", t: translator(locale, catalogue) };
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
