import { expect, test } from "vitest";
import { ApiError } from "../engine";
import de from "../i18n/de.json";
import { translator } from "../i18n";
import { errorText } from "./hooks";

test.each([
  [409, "last_owner", de["error.last_owner"]],
  [409, "group_full", de["error.group_full"]],
  [409, "too_many_pins", de["error.too_many_pins"]],
  [403, "edit_window_over", de["error.edit_window"]],
  [403, "banned", de["error.removed"]],
])("what a person meets is told in their language: %i %s", (status, code, text) => {
  expect(errorText(new ApiError({ status, code, detail: "The server tells it in English." }), translator("de", de))).toBe(text);
});
