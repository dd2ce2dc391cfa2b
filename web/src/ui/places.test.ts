import { expect, test } from "vitest";
import { type Place, hashOf, placeOf, questionOf } from "./places";

const PLACES: readonly (readonly [string, Place])[] = [
  ["#/", { screen: "home" }],
  ["#/settings", { screen: "screen", name: "settings" }],
  ["#/settings/passkeys", { screen: "screen", name: "settings", section: "passkeys" }],
  ["#/conversations/cnv_1", { screen: "conversations", id: "cnv_1" }],
  ["#/conversations/cnv_1/thread/msg_2", { screen: "conversations", id: "cnv_1", panel: "thread", detail: "msg_2" }],
  ["#/conversations/cnv_1/messages/msg_2", { screen: "conversations", id: "cnv_1", message: "msg_2" }],
  ["#/conversations/cnv_1/search/a%2Fb", { screen: "conversations", id: "cnv_1", panel: "search", detail: "a/b" }],
];

test.each(PLACES)("%s is parsed to its place and formatted back", (hash, place) => {
  expect(placeOf(hash)).toEqual(place);
  expect(hashOf(place)).toBe(hash);
});

test("malformed addresses lead home or to an unknown screen, without an exception", () => {
  expect(placeOf("")).toEqual({ screen: "home" });
  expect(placeOf("#/conversations")).toEqual({ screen: "home" });
  expect(placeOf("#/%E0%A4%A/x")).toEqual({ screen: "screen", name: "%E0%A4%A", section: "x" });
});

test("the token of an e-mail's link is not part of the place", () => {
  expect(placeOf("#/reset?token=abc")).toEqual({ screen: "screen", name: "reset" });
  expect(questionOf("#/reset?token=abc").get("token")).toBe("abc");
});
