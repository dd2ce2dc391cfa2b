/// <reference lib="webworker" />
/**
 * The worker of an encrypted call: encrypts each frame that is sent, and decrypts each that is received. A frame for
 * which there is no key or that is not authentic is dropped, so nothing unencrypted passes in either direction.
 */
import { FrameCipher, type SentStream } from "../../engine/encryption/frames";
import type { FromWorker, ToWorker, TransformOptions } from "./protection";

declare const self: DedicatedWorkerGlobalScope;
/** Frames that cannot be decrypted are reported after this time, as keys may come a little later than frames. */
const PATIENCE_MS = 4_000;

let cipher: FrameCipher | null = null;
/** User ids by participant. */
let people: ReadonlyMap<string, string> = new Map();

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if ("people" in data) people = data.people;
  else (cipher ??= new FrameCipher(data.callId, () => performance.now())).use(data.keys);
};

type Frame = RTCEncodedAudioFrame | RTCEncodedVideoFrame;
type Put = TransformStreamDefaultController<Frame>;

self.onrtctransform = ({ transformer }) => {
  const options = transformer.options as TransformOptions;
  const transform = "context" in options ? sealing(options) : opening(options);
  // it ends with an error when the connection is closed
  transformer.readable.pipeThrough(new TransformStream({ transform })).pipeTo(transformer.writable).catch(() => undefined);
};

function sealing({ kind, context }: TransformOptions & { context: bigint }) {
  const stream: SentStream = { context, counter: 0 };
  return async (frame: Frame, put: Put): Promise<void> => {
    const sealed = await cipher?.seal(stream, kind, new Uint8Array(frame.data));
    if (!sealed) return;
    frame.data = sealed.buffer;
    put.enqueue(frame);
  };
}

function opening({ kind, participant }: TransformOptions & { participant: string }) {
  let failingSince: number | null = null;
  let told = false;
  const tell = (readable: boolean) => {
    told = !readable;
    self.postMessage({ participant, kind, readable } satisfies FromWorker);
  };
  return async (frame: Frame, put: Put): Promise<void> => {
    const opened = await cipher?.open(people.get(participant) ?? "", kind, new Uint8Array(frame.data));
    if (!opened) {
      failingSince ??= performance.now();
      if (!told && performance.now() - failingSince > PATIENCE_MS) tell(false);
      return;
    }
    failingSince = null;
    if (told) tell(true);
    frame.data = opened.buffer;
    put.enqueue(frame);
  };
}
