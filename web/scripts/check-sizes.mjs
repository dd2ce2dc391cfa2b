/**
 * Checks the build in dist/ against its budgets for gzipped script: what comes before sign-in, and all that somebody can
 * load, workers included. English is part of the page; of the other languages a person loads one, so the largest counts.
 */
import { readFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";

const BEFORE_SIGN_IN_KB = 120;
const WHOLE_KB = 350;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(await readFile(new URL(".vite/manifest.json", dist), "utf8"));

const sizes = new Map();
async function size(file) {
  if (!sizes.has(file)) sizes.set(file, gzipSync(await readFile(new URL(file, dist)), { level: 9 }).length / 1024);
  return sizes.get(file);
}
/** The manifest keys of a chunk and of all its static imports, added to `found`. */
function withImports(key, found = new Set()) {
  if (found.has(key)) return found;
  found.add(key);
  for (const each of manifest[key].imports ?? []) withImports(each, found);
  return found;
}
async function total(keys) {
  const files = new Set([...keys].map((key) => manifest[key].file).filter((file) => file.endsWith(".js")));
  let sum = 0;
  for (const file of files) sum += await size(file);
  return sum;
}
const entry = Object.keys(manifest).find((key) => manifest[key].isEntry);
const first = withImports(entry);
for (const key of Object.keys(manifest)) if (/ui\/sign-?in/.test(key)) withImports(key, first);
const before = await total(first);
const languageOf = (key) => /i18n\/(\w\w)\.ts$/.exec(key)?.[1];
const keysOf = (language) => Object.keys(manifest).filter((key) => languageOf(key) === language);
const page = await total(keysOf(undefined));
const languages = [...new Set(Object.keys(manifest).map(languageOf).filter(Boolean))];
const largest = Math.max(...(await Promise.all(languages.map((each) => total(keysOf(each))))));
const workers = new Set(["sw.js", ...Object.values(manifest).flatMap(({ assets = [] }) => assets.filter((file) => file.endsWith(".js")))]);
const workersKb = (await Promise.all([...workers].map(size))).reduce((sum, each) => sum + each, 0);
const whole = page + workersKb + largest;
console.log(`script before sign-in ${before.toFixed(1)} KB of ${BEFORE_SIGN_IN_KB}, whole ${whole.toFixed(1)} KB of ${WHOLE_KB}, of which workers ${workersKb.toFixed(1)} KB (gzip)`);
if (before > BEFORE_SIGN_IN_KB || whole > WHOLE_KB) {
  console.error("the build is larger than its budget: split it or leave something out");
  process.exit(1);
}
