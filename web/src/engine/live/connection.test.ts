import { expect, test } from "vitest";
import { clock } from "../browser";
import { Connection } from "./connection";
import { FrameRefused } from "../service/problems";

/** What API Gateway sends when a route's function is throttled or fails. */
const NO_ROOM = JSON.stringify({ message: "Internal server error", connectionId: "c", requestId: "r" });

test("a frame that the gateway cannot handle is refused at once, and the socket stays open", async () => {
  const passed: unknown[] = [];
  const connection = await Connection.open(
    async (_url, events) => ({ send: () => void setTimeout(() => events.onText(NO_ROOM), 1), close: () => undefined }),
    "ws://service",
    clock,
    (_connection, frame) => passed.push(frame),
  );
  await expect(connection.request("ping", {}, 5_000)).rejects.toBeInstanceOf(FrameRefused);
  expect(connection.closed.aborted).toBe(false);
  expect(passed).toEqual([]);
});
