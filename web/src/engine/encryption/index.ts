/** End-to-end encryption, loaded when somebody is signed in. */
export { Encryption } from "./encryption";
export { type SealedFile, openFile } from "./files";
export { NotInGroup, ServerMisbehaved } from "./errors";
export type { Change } from "./changes";
export type { Content, Sendable } from "./content";
export type { DecryptedMessage } from "./shelf";
export type { KeyChange } from "../types";
