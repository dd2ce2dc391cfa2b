/** The TypeScript SDK of SecureConnect: typed routes, gap-free events, an outbox that survives reloads. Uses no DOM. */
export type * from "./service/api";
export type * from "./types";
export * from "./service/problems";
export type { Journal } from "./ports";
export { createEngine } from "./browser";
export { isInTheClear } from "./encryption/view";
export { allItems } from "./service/pages";
