import { defineConfig } from "vite";

/** Builds one self-contained file for Node. */
export default defineConfig({
  publicDir: false,
  build: { ssr: "tests/histories/host.ts", outDir: ".build/host", target: "node20", emptyOutDir: true },
  ssr: { noExternal: true },
});
