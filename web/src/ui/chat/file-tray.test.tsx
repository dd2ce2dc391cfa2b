import { renderToString } from "react-dom/server";
import { expect, test, vi } from "vitest";
import type { Engine, UploadState } from "../../engine";
import { Value } from "../../engine/subscribable";
import { EngineContext } from "../hooks";
import { type Tray, useTray } from "./file-tray";

vi.mock("../hooks", async (original) => ({ ...(await original<object>()), useValue: <T,>(value: Value<T>) => value.get() }));

/** The tray of a conversation with these uploads; `did` are the orders that the uploads get. */
function trayWith(states: readonly UploadState["state"][], encrypted: boolean) {
  const did: unknown[][] = [];
  const order = (what: string) => async (...given: unknown[]) => void did.push([what, ...given]);
  const items = states.map((state, n) => ({ clientId: `up_${n}`, conversationId: "cnv_1", name: `${n}.txt`, state }) as UploadState);
  const engine = {
    conversations: { of: () => ({ settings: { encrypted } }) },
    endToEnd: "the desk",
    uploads: { items: new Value(items), ...Object.fromEntries(["start", "resume", "cancel", "dismiss"].map((each) => [each, order(each)])) },
  } as unknown as Engine;
  let tray!: Tray;
  const Screen = () => ((tray = useTray("cnv_1", true)), null);
  renderToString(
    <EngineContext value={engine}>
      <Screen />
    </EngineContext>,
  );
  return { tray, did };
}
const file = (size = 1) => ({ name: "a.txt", size }) as File;

test.each([
  [true, { conversationId: "cnv_1", sealedBy: "the desk" }],
  [false, { conversationId: "cnv_1" }],
])("files are uploaded as far as there is room for them; encrypted: %s", (encrypted, where) => {
  const { tray, did } = trayWith(Array<"ready">(9).fill("ready"), encrypted);
  tray.add([file(1), file(2)]);
  expect(did).toEqual([["start", file(1), where]]);
});

test.each([true, false])("a file is tried again in a tray that is full; encrypted: %s", (encrypted) => {
  const { tray, did } = trayWith([...Array<"ready">(9).fill("ready"), "failed"], encrypted);
  tray.again(tray.uploads[9]!, file());
  expect(did.map((each) => each.slice(0, 2))).toEqual([["cancel", "up_9"], ["start", file()]]);
});

test("an upload from before a reload goes on with its file; an encrypted one, whose key is new, starts again", () => {
  const plain = trayWith(["waiting_for_file"], false);
  plain.tray.again(plain.tray.uploads[0]!, file());
  expect(plain.did).toEqual([["resume", "up_0", file()]]);
  const sealed = trayWith(["waiting_for_file"], true);
  sealed.tray.again(sealed.tray.uploads[0]!, file());
  expect(sealed.did.map((each) => each.slice(0, 2))).toEqual([["cancel", "up_0"], ["start", file()]]);
});
