/**
 * The words of texts and queries, compared as the server's search compares them (functions/search/model.py): without
 * case, accents, width and invisible characters; a word of the query matches every word that begins with it; in scripts
 * without spaces and in symbols it matches anywhere. A word with hyphens or apostrophes is found by its parts and whole.
 */

/** Scripts without spaces between words. */
const UNSPACED =
  "\\u0e00-\\u0eff\\u1000-\\u109f\\u1780-\\u17ff\\u3005-\\u3007\\u3040-\\u30ff\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\u9fff\\uf900-\\ufaff\\u{20000}-\\u{3ffff}";
const RUN = `[${UNSPACED}\\p{So}]`;
const PIECES = new RegExp(`(${RUN}(?:${RUN}|\\p{M})*)|(?!${RUN})[\\p{L}\\p{N}](?:(?!${RUN})[\\p{L}\\p{N}\\p{M}])*`, "gu");
/**
 * Letters that Unicode does not decompose, an apostrophe that it counts as one, the tatweel, which only stretches, and
 * the letters by which keyboards for Arabic, Persian and Urdu write the same one.
 */
const PLAIN: Readonly<Record<string, string>> = {
  ł: "l", ø: "o", đ: "d", ħ: "h", ı: "i", æ: "ae", œ: "oe", ς: "σ", ʼ: "'", "\u0640": "",
  "\u0649": "\u064a", "\u06cc": "\u064a", "\u06d2": "\u064a", "\u06a9": "\u0643", "\u0629": "\u0647", "\u06c1": "\u0647", "\u06c3": "\u0647", "\u06d5": "\u0647",
  "\u0671": "\u0627",
};
const PLAINED = new RegExp(`[${Object.keys(PLAIN).join("")}]`, "gu");
/** Hyphens and apostrophes between letters or digits. */
const JOINER = /(?<=[\p{L}\p{N}])['\u2018\u2019\u2032\u2010\u2011\u2212-](?=[\p{L}\p{N}])/gu;
const VIRAMA = "\u094d";

/** Whether a mark is an accent: normalization sorts it behind a virama, the last of the marks that belong to letters. */
const isAccent = (mark: string): boolean => `a${mark}${VIRAMA}`.normalize("NFD")[1] === VIRAMA && mark !== VIRAMA;

/** The digit of ASCII with the same value: those of a script stand together from 0 to 9. */
function asciiDigit(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  let zero = code;
  while (/\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
  return String((code - zero) % 10);
}

export function fold(text: string): string {
  const spread = text.normalize("NFKD").toUpperCase().toLowerCase().normalize("NFKD");
  return spread
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .replace(PLAINED, (each) => PLAIN[each] ?? each)
    .replace(/\p{Nd}/gu, asciiDigit)
    .replace(/\p{M}/gu, (mark) => (isAccent(mark) ? "" : mark))
    .normalize("NFC");
}

/** The folded words of a text, separated and surrounded by single spaces. */
export function words(text: string): string {
  const folded = fold(text);
  const whole = folded.replace(JOINER, "");
  const pieces = [folded, ...(whole === folded ? [] : [whole])].flatMap((each) => [...each.matchAll(PIECES)]);
  return ` ${pieces.map(([piece]) => piece).join(" ")} `;
}

/** The parts of a query, all of which occur in the `words` of a matching text. */
export const partsOf = (query: string): string[] => [...fold(query).matchAll(PIECES)].map(([piece, run]) => (run ? piece : ` ${piece}`));

/** The text, or of a long one the stretch around the first word that matches a part. */
export function excerpt(text: string, parts: readonly string[], length = 200): string {
  if (text.length <= length) return text;
  const hit = [...text.matchAll(/\S+/g)].find(([word]) => parts.some((part) => words(word).includes(part)));
  const from = Math.max(0, (hit?.index ?? 0) - length / 4);
  const begin = from === 0 ? 0 : text.indexOf(" ", from) + 1 || from;
  return `${begin > 0 ? "… " : ""}${text.slice(begin, begin + length)}${begin + length < text.length ? " …" : ""}`;
}
