import { expect, test } from "vitest";
import type { Member } from "../../engine";
import { beginning, suggestions } from "./mention-words";

const member = (id: string, username: string, display_name: string): Member => ({ user: { id, username, display_name } }) as Member;
const MEMBERS = [member("1", "ada", "Ada Lovelace"), member("2", "jose", "José Núñez"), member("3", "me", "Me")];

test("an at sign begins a mention, but not within a word or an e-mail address", () => {
  expect(beginning("hello @ad")).toBe("ad");
  expect(beginning("@")).toBe("");
  expect(beginning("mail@ad")).toBeNull();
  expect(beginning("@ada and")).toBeNull();
});

test("people are found by username or any part of their name, ignoring accents; the writer never is", () => {
  const names = (typed: string) => suggestions(MEMBERS, "3", typed, false).map((each) => each.username);
  expect(names("love")).toEqual(["ada"]);
  expect(names("nun")).toEqual(["jose"]);
  expect(names("m")).toEqual([]);
});

test("@all is suggested only to those who may mention everybody", () => {
  expect(suggestions(MEMBERS, "3", "al", true)).toEqual([{ username: "all", name: "" }]);
  expect(suggestions(MEMBERS, "3", "al", false)).toEqual([]);
});
