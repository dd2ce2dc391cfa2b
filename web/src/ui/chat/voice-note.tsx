/** A player of voice messages with a waveform and three speeds. */
import { Pause, Play } from "lucide-react";
import { type KeyboardEvent, useEffect, useRef, useState } from "react";
import type { Message } from "../../engine";
import { useLanguage } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { Problem } from "../problem";

const SPEEDS = [1, 1.5, 2] as const;
const STEP_S = 5;

/** The `metadata.voice` of a voice message; `waveform` has loudness values from 0 to 100 at equal intervals. */
export interface Voice {
  readonly duration_ms: number;
  readonly waveform: readonly number[];
}

export function voiceOf(message: Message): Voice | null {
  const voice = message.metadata.voice as Partial<Voice> | undefined;
  if (message.attachments.length !== 1 || !message.attachments[0]?.content_type.startsWith("audio/")) return null;
  if (typeof voice?.duration_ms !== "number" || !Array.isArray(voice.waveform)) return null;
  return { duration_ms: voice.duration_ms, waveform: voice.waveform.slice(0, 100).map((each) => Math.max(0, Math.min(100, Number(each) || 0))) };
}

export const isVoice = (message: Message): boolean => voiceOf(message) !== null;

export function clockOf(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

export function VoiceNote({ message }: { message: Message }) {
  const { t } = useLanguage();
  const { api, endToEnd } = useEngine();
  const { attempt, problem } = useAttempt();
  const audio = useRef<HTMLAudioElement>(null);
  const start = useRef(0); // in seconds: what was cut out of a longer recording keeps the times that it had there
  const [url, setUrl] = useState("");
  const [playing, setPlaying] = useState(false);
  const [at, setAt] = useState(0);
  const [speed, setSpeed] = useState<(typeof SPEEDS)[number]>(1);
  useEffect(() => () => URL.revokeObjectURL(url), [url]); // without effect on a URL of the service
  const voice = voiceOf(message);
  const file = message.attachments[0];
  if (!voice || !file) return null;
  const part = voice.duration_ms > 0 ? Math.min(1, at / voice.duration_ms) : 0;

  async function toggle() {
    const player = audio.current;
    if (player && url) return void (player.paused ? await player.play() : player.pause());
    await attempt(async () => {
      const id = file?.id ?? "";
      setUrl(endToEnd.opens(id) ? URL.createObjectURL(await endToEnd.openFile(id)) : (await api.get("/drive/files/{file_id}/download", { path: { file_id: id } })).url);
    });
  }
  const played = (player: HTMLAudioElement) => (player.currentTime - start.current) * 1000;
  const seek = (ms: number) => {
    setAt(ms);
    if (audio.current) audio.current.currentTime = start.current + ms / 1000;
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = { ArrowRight: STEP_S, ArrowUp: STEP_S, ArrowLeft: -STEP_S, ArrowDown: -STEP_S }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    seek(Math.max(0, Math.min(voice.duration_ms, at + by * 1000)));
  };

  return (
    <div className="voice">
      <div className="row" dir="ltr">
        <button className="icon primary" aria-label={t(playing ? "voice.pause" : "voice.play")} onClick={() => void toggle()}>
          {playing ? <Pause aria-hidden /> : <Play aria-hidden />}
        </button>
        <div
          className="waveform"
          role="slider"
          tabIndex={0}
          aria-label={t("voice.position")}
          aria-valuemin={0}
          aria-valuemax={Math.round(voice.duration_ms / 1000)}
          aria-valuenow={Math.round(at / 1000)}
          aria-valuetext={clockOf(at)}
          onKeyDown={onKeyDown}
          onClick={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            seek(((event.clientX - box.left) / box.width) * voice.duration_ms);
          }}
        >
          {voice.waveform.map((loud, index) => (
            <span key={index} className={index / voice.waveform.length < part ? "played" : ""} style={{ height: `${Math.max(8, loud)}%` }} />
          ))}
        </div>
        <time>{clockOf(playing || at > 0 ? at : voice.duration_ms)}</time>
        <button className="quiet" aria-label={t("voice.speed", { speed })} onClick={() => {
          const next = SPEEDS[(SPEEDS.indexOf(speed) + 1) % SPEEDS.length] ?? 1;
          setSpeed(next);
          if (audio.current) audio.current.playbackRate = next;
        }}>
          {speed}×
        </button>
      </div>
      {url && (
        <audio
          ref={audio}
          src={url}
          autoPlay
          onLoadedData={(event) => {
            start.current = event.currentTarget.currentTime;
          }}
          onPlay={(event) => {
            event.currentTarget.playbackRate = speed;
            if (Math.abs(played(event.currentTarget) - at) > 500) seek(at);
            setPlaying(true);
          }}
          onPause={() => setPlaying(false)}
          onError={() => setUrl("")} // its address may have ended: the next press asks for another and goes on from `at`
          onEnded={() => {
            setPlaying(false);
            setAt(0);
          }}
          onTimeUpdate={(event) => setAt(Math.max(0, played(event.currentTarget)))}
        />
      )}
      <Problem text={problem} />
    </div>
  );
}
