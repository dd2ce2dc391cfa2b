/** The TypeScript SDK of SecureConnect: typed routes, gap-free events, an outbox that survives reloads. Uses no DOM. */
export type * from "./api";
export type * from "./types";
export * from "./problems";
export type { Journal } from "./ports";
export { createEngine } from "./browser";
export { isInTheClear } from "./encrypted-view";
export { allItems } from "./pages";
