import { defineConfig } from "vite";

/** Builds one script for a page: the MLS port with its library. */
export default defineConfig({
  publicDir: false,
  build: {
    lib: { entry: "tests/mls/mls.ts", formats: ["iife"], name: "mls", fileName: () => "mls.js" },
    outDir: ".build/mls",
    emptyOutDir: true,
    target: "es2022",
  },
});
