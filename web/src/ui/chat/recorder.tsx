/** Records a voice message with its waveform; it is sent as a file with `metadata.voice`. */
import { SendHorizontal, Trash2 } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { useTranslations } from "../../i18n";
import { errorText, useEngine } from "../hooks";
import { Problem } from "../problem";
import { type Voice, clockOf } from "./voice-note";

const BARS = 60;
const SAMPLE_MS = 50;
const MAX_MS = 10 * 60_000;
/** Recording formats, the first supported one is used; the service gets the type without codecs. */
const TYPES = ["audio/webm;codecs=opus", "audio/mp4", "audio/ogg;codecs=opus"];

interface Recording {
  readonly recorder: MediaRecorder;
  readonly stream: MediaStream;
  readonly context: AudioContext;
  readonly chunks: Blob[];
  readonly loud: number[];
  readonly began: number;
}

async function begin(): Promise<Recording> {
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  const mimeType = TYPES.find((each) => MediaRecorder.isTypeSupported(each));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
  const context = new AudioContext();
  const meter = context.createAnalyser();
  meter.fftSize = 1024;
  context.createMediaStreamSource(stream).connect(meter);
  const recording: Recording = { recorder, stream, context, chunks: [], loud: [], began: performance.now() };
  const samples = new Uint8Array(meter.fftSize);
  const timer = setInterval(() => {
    meter.getByteTimeDomainData(samples);
    recording.loud.push(Math.min(100, (Math.max(...samples.map((each) => Math.abs(each - 128))) / 128) * 140));
  }, SAMPLE_MS);
  recorder.addEventListener("stop", () => clearInterval(timer));
  recorder.addEventListener("dataavailable", (event) => recording.chunks.push(event.data));
  recorder.start();
  return recording;
}

function release({ stream, context }: Recording): void {
  for (const track of stream.getTracks()) track.stop();
  if (context.state !== "closed") void context.close();
}

/** Reduces loudness samples to at most `count` bars, each the maximum of its stretch. */
export function bars(loud: readonly number[], count = BARS): number[] {
  if (loud.length === 0) return [];
  const wanted = Math.min(count, loud.length);
  return Array.from({ length: wanted }, (_, bar) => {
    const [from, to] = [Math.floor((bar * loud.length) / wanted), Math.ceil(((bar + 1) * loud.length) / wanted)];
    return Math.round(Math.max(...loud.slice(from, to)));
  });
}

interface RecorderProps {
  conversationId: string;
  replyTo: string | null;
  onDone: () => void;
  /** There is nothing to record with; the text says why, and what to do. */
  onFailed: (text: string) => void;
}

export default function Recorder({ conversationId, replyTo, onDone, onFailed }: RecorderProps) {
  const t = useTranslations();
  const engine = useEngine();
  const recording = useRef<Recording | null>(null);
  const made = useRef<{ file: File; voice: Voice } | null>(null);
  const [ms, setMs] = useState(0);
  const [state, setState] = useState<"asking" | "recording" | "sending" | "failed">("asking");
  const [problem, setProblem] = useState("");

  useEffect(() => {
    let unmounted = false;
    begin().then(
      (begun) => {
        if (unmounted) return release(begun);
        recording.current = begun;
        setState("recording");
      },
      (error: unknown) => {
        const denied = error instanceof DOMException && error.name === "NotAllowedError";
        if (!unmounted) onFailed(t(denied ? "voice.denied" : "voice.no_microphone"));
      },
    );
    return () => {
      unmounted = true;
      if (recording.current?.recorder.state === "recording") recording.current.recorder.stop();
      if (recording.current) release(recording.current);
    };
    // only once, not again when the language changes
  }, []);
  useEffect(() => {
    if (state !== "recording") return;
    const timer = setInterval(() => setMs(performance.now() - (recording.current?.began ?? 0)), 200);
    return () => clearInterval(timer);
  }, [state]);

  async function finish(): Promise<{ file: File; voice: Voice }> {
    const current = recording.current;
    if (made.current) return made.current;
    if (!current) throw new Error("nothing was recorded");
    const duration_ms = Math.round(performance.now() - current.began);
    await new Promise((stopped) => {
      current.recorder.addEventListener("stop", stopped, { once: true });
      current.recorder.stop();
    });
    release(current);
    const type = current.recorder.mimeType.split(";")[0] ?? "audio/webm";
    const name = `voice-${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}.${type.split("/")[1]}`;
    return (made.current = { file: new File(current.chunks, name, { type }), voice: { duration_ms, waveform: bars(current.loud) } });
  }

  /** Uploads the recording, encrypted in an encrypted conversation. */
  async function upload(file: File): Promise<{ id: string }> {
    const { endToEnd, uploads } = engine;
    const clientId = `voice-${crypto.randomUUID()}`;
    if (!engine.conversations.of(conversationId)?.settings.encrypted) return uploads.start(file, { conversationId, clientId });
    const { id } = await uploads.start(file, { conversationId, clientId, sealedBy: endToEnd });
    await endToEnd.nameFiles([{ clientId, file: { id } }]);
    return { id };
  }

  async function send() {
    setState("sending");
    setProblem("");
    try {
      const { file, voice } = await finish();
      const uploaded = await upload(file);
      await engine.outbox.send(conversationId, { attachment_ids: [uploaded.id], metadata: { voice }, ...(replyTo ? { reply_to: replyTo } : {}) });
      onDone();
    } catch (error) {
      setState("failed"); // the recording is kept, so that sending can be repeated
      setProblem(errorText(error, t));
    }
  }
  useEffect(() => {
    if (ms > MAX_MS && state === "recording") void finish().then(() => setState("failed"), () => undefined);
  });

  return (
    <div className="composer">
      <Problem text={problem} />
      <div className="row" role="group" aria-label={t("voice.record")}>
        <button className="icon" aria-label={t("voice.discard")} onClick={onDone}>
          <Trash2 aria-hidden />
        </button>
        <span className="grow row" role="status">
          {state === "recording" && <span className="recording" aria-hidden />}
          {state === "failed" ? clockOf(ms) : t(`voice.${state}`, { time: clockOf(ms) })}
        </span>
        <button
          className="icon primary"
          aria-label={t("voice.send")}
          disabled={state === "asking" || state === "sending" || (state === "failed" && made.current === null)}
          onClick={() => void send()}
        >
          <SendHorizontal aria-hidden className="flip" />
        </button>
      </div>
    </div>
  );
}
