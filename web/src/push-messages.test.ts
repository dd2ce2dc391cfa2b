import { expect, test } from "vitest";
import { decidePush } from "./push-messages";

const TEXTS = { title: "SecureConnect", message: "New message", call: "Somebody calls", unknown: "News" };

test("without previews nothing but the kind is shown, and a press leads to the conversation", () => {
  const said = decidePush({ kind: "message", tag: "cnv_1", badge: 3, conversation_id: "cnv_1" }, TEXTS);
  expect(said).toMatchObject({ do: "show", title: "SecureConnect", badge: 3, hash: "#/conversations/cnv_1" });
  expect(said).toMatchObject({ options: { body: "New message", tag: "cnv_1", requireInteraction: false } });
});

test("a preview is shown as it came", () => {
  const push = { kind: "message", tag: "cnv_1", badge: 1, conversation_id: "cnv_1", title: "Ada", body: "Lunch?" };
  expect(decidePush(push, TEXTS)).toMatchObject({ title: "Ada", options: { body: "Lunch?" } });
});

test("a call stays until it is over, which takes it away", () => {
  const ring = decidePush({ kind: "call", tag: "cal_1", badge: 0, call_id: "cal_1", conversation_id: "cnv_1" }, TEXTS);
  expect(ring).toMatchObject({ do: "show", options: { requireInteraction: true, tag: "cal_1" } });
  expect(decidePush({ kind: "call_ended", tag: "cal_1", badge: 0 }, TEXTS)).toEqual({ do: "close", tag: "cal_1", badge: 0 });
});

test("what was read elsewhere is taken away", () => {
  expect(decidePush({ kind: "read", tag: "cnv_1", badge: 2 }, TEXTS)).toEqual({ do: "close", tag: "cnv_1", badge: 2 });
});

test("a kind that this version does not know says something all the same, and leads to the list", () => {
  expect(decidePush({ kind: "new_thing", tag: "t", badge: 0 }, TEXTS)).toMatchObject({ options: { body: "News" }, hash: "#/notifications" });
});

test("what is no push of ours is nothing", () => {
  expect(["text", null, 3, {}, { kind: "message" }, []].map((each) => decidePush(each, TEXTS))).toEqual(Array(6).fill(null));
});
