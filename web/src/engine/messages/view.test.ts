import { expect, test } from "vitest";
import type { Event } from "../service/api";
import { FakeServer } from "../testing/fake-server";
import { View } from "./view";

test("a message has the place of its event, whatever it says itself", () => {
  const view = new View("me", Date.now);
  for (const seq of [1, 2]) {
    const data = { ...new FakeServer().message("c", seq, "bob", `${seq}`, "hello"), seq: 10 - seq };
    view.apply({ type: "message.created", conversation_id: "c", seq, data } as unknown as Event);
  }
  expect(view.state("c")?.messages.map((each) => [each.id, each.seq])).toEqual([["msg_c_1", 1], ["msg_c_2", 2]]);
});
