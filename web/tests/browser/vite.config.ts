import { defineConfig } from "vite";

/** Builds the page for tests in a browser. */
export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  build: { outDir: "../../.build/page", emptyOutDir: true, target: "es2022", modulePreload: { polyfill: false } },
});
