import { expect, test } from "vitest";
import type { Poll } from "../service/api";
import { withVote } from "./reduce";

const poll = (more: Partial<Poll> = {}): Poll =>
  ({
    my_votes: ["a"],
    total_voters: 3,
    options: [
      { id: "a", text: "A", votes: 2 },
      { id: "b", text: "B", votes: 1 },
    ],
    ...more,
  }) as Poll;
const counts = (each: Poll) => each.options.map((option) => option.votes);

test("a changed vote moves from one option to the other", () => {
  const changed = withVote(poll(), ["b"]);
  expect([counts(changed), changed.total_voters, changed.my_votes]).toEqual([[1, 2], 3, ["b"]]);
});

test("a first vote adds a voter, and a retracted vote removes one", () => {
  expect(withVote(poll({ my_votes: [] }), ["a", "b"]).total_voters).toBe(4);
  expect(withVote(poll(), []).total_voters).toBe(2);
});

test("hidden results stay hidden after a vote", () => {
  const hidden = poll({ total_voters: null, options: [{ id: "a", text: "A", votes: null }] });
  expect(withVote(hidden, ["a"])).toMatchObject({ total_voters: null, options: [{ votes: null }] });
});
