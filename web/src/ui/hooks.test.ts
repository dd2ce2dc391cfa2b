import { expect, test } from "vitest";
import { ApiError } from "../engine";
import chat from "../i18n/chat.de.json";
import de from "../i18n/de.json";
import { translator } from "../i18n";
import { errorText } from "./hooks";
import { REFUSALS } from "./refusals";

test.each([
  [409, "last_owner", de["error.last_owner"]],
  [409, "group_full", de["error.group_full"]],
  [409, "too_many_pins", de["error.too_many_pins"]],
  [403, "edit_window_over", de["error.edit_window"]],
  [403, "banned", de["error.removed"]],
  [413, "payload_too_large", de["error.too_large"]],
  [415, "unsupported_media_type", chat["files.type"]],
])("what a person meets is told in their language: %i %s", (status, code, text) => {
  expect(errorText(new ApiError({ status, code, detail: "The server tells it in English." }), translator("de", { ...de, ...chat }))).toBe(text);
});

const SERVER = import.meta.glob<string>(["../../../functions/**/*.py", "../../../layers/shared/kernel/*.py"], { query: "?raw", import: "default", eager: true });
/** The forms in which an error gets its code: as an argument, or in its class, alone or with its status and text. */
const CODE = /\bcode="(\w+)"|\bcode(?:, detail|: ClassVar\[str\])? = (?:\(?\s*\d+,\s*)?"(\w+)"/g;
/** The forms in which the examination of an upload gives its reason or its verdict. */
const REASON = /return "(\w+)"|"reason": "(\w+)"|(?:reason, verdict|accepted, reason) = (?:False, )?"(\w+)"/g;
const VERDICTS = ["clean", "pending", "stale"];
/** Codes on which the client acts, so that nobody is told of them. */
const ACTED_ON = {
  password_required: "link.tsx asks for the link's password",
  step_up_required: "step-up.tsx asks for the password",
  totp_required: "sign-in.tsx asks for the code",
};
/** The codes of errors of the server, which are told by their status. */
const BY_STATUS = ["dependency_unavailable", "internal", "timeout"];

const found = (pattern: RegExp, files = "") =>
  Object.entries(SERVER).flatMap(([path, text]) => (path.includes(files) ? [...text.matchAll(pattern)].map((match) => match.slice(1).find(Boolean)!) : []));

test("each code that the server answers has a text, or the client acts on it", () => {
  const codes = found(CODE);
  for (const one of ["too_deep", "malformed_json", "account_locked", "token_revoked", "invalid_key_package", "internal"]) expect(codes).toContain(one);
  expect(codes.filter((each) => !(each in REFUSALS) && !(each in ACTED_ON) && !BY_STATUS.includes(each))).toEqual([]);
  for (const code of BY_STATUS) expect(errorText(new ApiError({ status: 503, code }), translator("de", de))).toBe(de["error.busy"]);
});

test("each reason for which an upload is rejected has a text, and each text is of a code or reason of the server", () => {
  const reasons = found(REASON, "/drive/uploads/").filter((each) => !VERDICTS.includes(each) && !["ready", "rejected"].includes(each));
  for (const one of ["executable", "size_mismatch", "checksum_mismatch", "not_scanned", "not_allowed", "infected"]) expect(reasons).toContain(one);
  expect(reasons.filter((each) => !(each in REFUSALS))).toEqual([]);
  const known = new Set([...found(CODE), ...reasons, "another_file"]);
  expect(Object.keys(REFUSALS).filter((each) => !known.has(each))).toEqual([]);
});

test.each([
  ["password", de["error.password"]],
  ["settings.name", de["error.name"]],
  ["whatever", de["error.fields"]],
])("a refused field is told by the rule that it has broken, not in the server's English: %s", (field, text) => {
  const error = new ApiError({ status: 400, code: "validation_failed", detail: "english", errors: [{ field, message: "is english" }] });
  expect(errorText(error, translator("de", de))).toBe(text);
});
