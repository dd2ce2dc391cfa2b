import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";
import { VitePWA } from "vite-plugin-pwa";

/** The local stack's address for `npm run dev`; the page and the API are on one origin everywhere else. */
const api = process.env.SC_HTTP_URL;

export default defineConfig({
  base: "./", // the page lies under a bucket's name locally, at the top of its domain in AWS
  plugins: [
    react(),
    VitePWA({
      strategies: "injectManifest",
      srcDir: "src",
      filename: "sw.ts",
      injectRegister: false, // no inline script, and Trusted Types want a policy: src/service-worker.ts does it
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
    assetsInlineLimit: 0, // a data: address would need a hole in the content security policy
    modulePreload: { polyfill: false },
    rolldownOptions: { external: ["crypto"] }, // @hpke/common asks Node.js for it where there is no WebCrypto
    manifest: true,
  },
  server: {
    host: "127.0.0.1",
    ...(api ? { proxy: { "/v1": { target: api, changeOrigin: true, rewrite: (path: string) => path.slice(3) } } } : {}),
  },
  test: { include: ["src/**/*.test.ts", "src/**/*.test.tsx", "tests/**/*.test.ts"], environment: "node" },
});
