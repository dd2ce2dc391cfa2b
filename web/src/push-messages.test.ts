import { expect, test } from "vitest";
import { decidePush } from "./push-messages";

const TEXTS = { title: "SecureConnect", message: "New message", call: "Somebody calls", unknown: "News" };

test("without a preview only the kind's text is shown, and a press opens the conversation", () => {
  const said = decidePush({ kind: "message", tag: "cnv_1", badge: 3, conversation_id: "cnv_1" }, TEXTS);
  expect(said).toMatchObject({ do: "show", title: "SecureConnect", badge: 3, hash: "#/conversations/cnv_1" });
  expect(said).toMatchObject({ options: { body: "New message", tag: "cnv_1", requireInteraction: false } });
});

test("a preview is shown unchanged", () => {
  const push = { kind: "message", tag: "cnv_1", badge: 1, conversation_id: "cnv_1", title: "Ada", body: "Lunch?" };
  expect(decidePush(push, TEXTS)).toMatchObject({ title: "Ada", options: { body: "Lunch?" } });
});

test("of an encrypted conversation no preview is shown", () => {
  const push = { kind: "message", tag: "cnv_1", badge: 1, conversation_id: "cnv_1", title: "Ada", body: "Send me the money" };
  for (const each of [push, { ...push, conversation_id: undefined }]) {
    expect(decidePush(each, TEXTS, ["cnv_1"])).toMatchObject({ title: "SecureConnect", options: { body: "New message" } });
  }
});

test("a call's notification stays until `call_ended` closes it", () => {
  const ring = decidePush({ kind: "call", tag: "cal_1", badge: 0, call_id: "cal_1", conversation_id: "cnv_1" }, TEXTS);
  expect(ring).toMatchObject({ do: "show", options: { requireInteraction: true, tag: "cal_1" } });
  expect(decidePush({ kind: "call_ended", tag: "cal_1", badge: 0 }, TEXTS)).toEqual({ do: "close", tag: "cal_1", badge: 0 });
});

test("a notification of messages that were read elsewhere is closed", () => {
  expect(decidePush({ kind: "read", tag: "cnv_1", badge: 2 }, TEXTS)).toEqual({ do: "close", tag: "cnv_1", badge: 2 });
});

test("an unknown kind shows a general text and opens the list of notifications", () => {
  expect(decidePush({ kind: "new_thing", tag: "t", badge: 0 }, TEXTS)).toMatchObject({ options: { body: "News" }, hash: "#/notifications" });
});

test("malformed pushes are ignored", () => {
  expect(["text", null, 3, {}, { kind: "message" }, []].map((each) => decidePush(each, TEXTS))).toEqual(Array(6).fill(null));
});
