/** The language and theme chosen on this device; stored in localStorage for all its accounts. */
import { LOCALES, type Locale, bestLocale, setLocale } from "./i18n";

export type Theme = "system" | "light" | "dark";
const LANGUAGE = "secureconnect.language";
const THEME = "secureconnect.theme";

export const chosenTheme = (): Theme => (read(THEME) as Theme | null) ?? "system";
export const chosenLocale = (): Locale | null => {
  const kept = read(LANGUAGE);
  return kept !== null && kept in LOCALES ? (kept as Locale) : null;
};

/** Applies the chosen language and theme, or the system's if none was chosen. */
export async function applyPreferences(): Promise<void> {
  showTheme(chosenTheme());
  const { languages } = navigator;
  const { language, direction } = await setLocale(chosenLocale() ?? bestLocale(languages), languages);
  document.documentElement.lang = language;
  document.documentElement.dir = direction;
}

export function chooseTheme(theme: Theme): void {
  keep(THEME, theme);
  showTheme(theme);
}

export async function chooseLocale(locale: Locale): Promise<void> {
  keep(LANGUAGE, locale);
  await applyPreferences();
}

function showTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
}

/** Stores a choice. A browser may refuse, for example with cookies blocked; the choice then lasts until a reload. */
function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
  }
}

function read(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return null;
  }
}
