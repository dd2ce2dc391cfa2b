import { defineConfig } from "vite";

/** One script for a page: the MLS library behind its port. */
export default defineConfig({
  publicDir: false,
  build: {
    lib: { entry: "tests/mls/mls.ts", formats: ["iife"], name: "mls", fileName: () => "mls.js" },
    outDir: ".build/mls",
    emptyOutDir: true,
    target: "es2022",
  },
});
