/** The panels beside a history, in one chunk: they share much, and apart they are larger when compressed. */
export { default as ask } from "./ask-panel";
export { default as edits } from "./edits-panel";
export { default as gallery } from "./gallery-panel";
export { default as info } from "./info-panel";
export { default as pins } from "./pins-panel";
export { default as scheduled } from "./scheduled-panel";
export { default as search } from "./search-panel";
export { default as thread } from "./thread-panel";
