import { expect, test, vi } from "vitest";
import type { Call, Engine } from "../../engine";
import type { ConversationKeys, MediaKeys } from "../../engine/types";
import { Value } from "../../engine/subscribable";
import { until } from "../../engine/testing/until";
import type { ToWorker } from "./protection";

/** The call's worker; `told` are its messages. */
class FakeWorker {
  readonly told: ToWorker[] = [];
  ended = false;
  postMessage(message: ToWorker): void {
    this.told.push(message);
  }
  terminate(): void {
    this.ended = true;
  }
}
class FakeTransform {}
const keysOf = (epoch: number): MediaKeys => ({ epoch, baseKey: null as never, ownIndex: 0, people: new Map() });

/** A call that was prepared in epoch 1, in a group that is at `epoch` now. */
async function call(epoch: number) {
  const worker = new FakeWorker();
  vi.stubGlobal("window", globalThis);
  vi.stubGlobal("RTCRtpScriptTransform", FakeTransform);
  vi.stubGlobal("Worker", function () {
    return worker;
  });
  const { CallProtection } = await import("./protection");
  const state = new Value<ConversationKeys>({ phase: "ready", changes: [], epoch });
  const engine = { endToEnd: { of: () => state, mediaKeys: async () => keysOf(epoch) } } as unknown as Engine;
  const its = { id: "cal_1", conversation_id: "cnv_1", participants: [] } as unknown as Call;
  return { worker, protection: new CallProtection(engine, its, { keys: keysOf(1), number: 1 }, () => undefined) };
}

test("a call begins with the keys of the present epoch, also if that came while the microphone was asked for", async () => {
  const { worker } = await call(2);
  await until(() => expect(worker.told.flatMap((each) => ("keys" in each ? [each.keys.epoch] : []))).toEqual([1, 2]));
});

test("when there are no more numbers for streams, nothing is sent any more", async () => {
  const { worker, protection } = await call(1);
  const transceiver = () => ({ sender: {} as RTCRtpSender, receiver: { track: { kind: "audio" } } as RTCRtpReceiver });
  const cover = () => {
    const made = transceiver();
    protection.cover({ getTransceivers: () => [made] } as unknown as RTCPeerConnection, "par_1");
    return made.sender;
  };
  for (let n = 0; n < 2 ** 20; n += 1) cover();
  expect([protection.failure, worker.ended]).toEqual([null, false]);
  expect(cover().transform).toBeInstanceOf(FakeTransform); // never a stream without one
  expect([protection.failure, worker.ended]).toEqual(["e2e.failed", true]);
});
