import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { VitePWA } from "vite-plugin-pwa";

/** The local stack's URL for `npm run dev`; otherwise the page and the API share an origin. */
const api = process.env.SC_HTTP_URL;

/** React Aria brings its texts in 34 languages; those that the client does not speak are left out, which saves 4 KB. */
const SPOKEN = ["en-US", "de-DE", "ar-AE"];
const otherLanguages = /^import .*\/(\w\w-\w\w)\.mjs";\n|^ *"(\w\w-\w\w)": .*\n/gm;
const spokenTextsOnly = {
  name: "spoken-texts-only",
  transform: (code: string, id: string) =>
    id.endsWith("/intlStrings.mjs") ? code.replace(otherLanguages, (line, imported, listed) => (SPOKEN.includes(imported ?? listed) ? line : "")) : null,
};

export default defineConfig({
  base: "./", // the page is below a bucket's name locally, and at the root of its domain in AWS
  plugins: [
    react(),
    spokenTextsOnly,
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src",
      filename: "sw.ts",
      injectRegister: false, // it would inject an inline script without a Trusted Types policy; src/service-worker.ts registers it
      injectManifest: { globPatterns: ["**/*.{js,css,html,svg,png,woff2}"] },
      manifest: {
        name: "SecureConnect",
        short_name: "SecureConnect",
        description: "Secure chat, calls, polls and files",
        start_url: "./index.html",
        scope: "./",
        display: "standalone",
        background_color: "#14161a",
        theme_color: "#2f6fde",
        categories: ["social", "productivity"],
        icons: [
          { src: "icon.svg", sizes: "any", type: "image/svg+xml", purpose: "any" },
          { src: "icon-192.png", sizes: "192x192", type: "image/png", purpose: "any" },
          { src: "icon-512.png", sizes: "512x512", type: "image/png", purpose: "any" },
          { src: "icon-maskable-512.png", sizes: "512x512", type: "image/png", purpose: "maskable" },
        ],
      },
    }),
  ],
  build: {
    target: "es2022",
    assetsInlineLimit: 0, // the content security policy forbids data: URLs
    modulePreload: { polyfill: false },
    rolldownOptions: { external: ["crypto"] }, // @hpke/common imports Node's only where WebCrypto is missing
    manifest: true,
  },
  server: {
    host: "127.0.0.1",
    ...(api ? { proxy: { "/v1": { target: api, changeOrigin: true, rewrite: (path: string) => path.slice(3) } } } : {}),
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx", "tests/**/*.test.ts"], environment: "node", testTimeout: 60_000 }, // on half a core, too
});
