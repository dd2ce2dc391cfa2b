import { defineConfig } from "vite";

/** One file that Node runs as it is. */
export default defineConfig({
  publicDir: false,
  build: { ssr: "tests/histories/host.ts", outDir: ".build/host", target: "node20", emptyOutDir: true },
  ssr: { noExternal: true },
});
