/** A call that rings here, and the one that this device is in. */
import { Mic, MicOff, Phone, PhoneOff, Video, VideoOff } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import type { Call } from "../engine";
import { useTranslations } from "../i18n";
import { callStore } from "./call-store";
import { useAttempt, useEngine, useMyId, useValue } from "./hooks";
import { nameOf, useMembers } from "./people";
import { Problem } from "./problem";

export function CallOverlay() {
  const engine = useEngine();
  const ringing = useValue(engine.calls.ringing);
  const { session } = useValue(callStore);
  useEffect(() => () => void (callStore.get().session && callStore.leave(engine)), [engine]);
  if (session) return <InCall />;
  return ringing ? <Ringing call={ringing} /> : null;
}

function Ringing({ call }: { call: Call }) {
  const t = useTranslations();
  const engine = useEngine();
  const members = useMembers(call.conversation_id);
  const { attempt, problem } = useAttempt();
  const answer = useRef<HTMLButtonElement>(null);
  useEffect(() => answer.current?.focus(), []);
  useEffect(() => ring(), []);
  const decline = async () =>
    engine.calls.put(await engine.api.post("/calls/{call_id}/decline", { path: { call_id: call.id } }));
  return (
    <div className="call ring" role="alertdialog" aria-label={t("call.ringing", { name: nameOf(members, call.initiator_id) })}>
      <p dir="auto">{t("call.ringing", { name: nameOf(members, call.initiator_id) })}</p>
      <Problem text={problem} />
      <p className="row">
        <button ref={answer} className="primary" onClick={() => void attempt(() => callStore.join(engine, call))}>
          <Phone aria-hidden /> {t("call.answer")}
        </button>
        <button className="danger" onClick={() => void attempt(decline)}>
          <PhoneOff aria-hidden /> {t("call.decline")}
        </button>
      </p>
    </div>
  );
}

/** Two soft tones, every two seconds, until the answer is called. */
function ring(): () => void {
  const audio = new AudioContext();
  const sound = () => {
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    gain.gain.value = 0.05;
    tone.frequency.setValueAtTime(480, audio.currentTime);
    tone.frequency.setValueAtTime(620, audio.currentTime + 0.25);
    tone.connect(gain).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.5);
  };
  sound();
  const timer = setInterval(sound, 2_000);
  return () => {
    clearInterval(timer);
    void audio.close();
  };
}

function InCall() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const { session, call } = useValue(callStore);
  const members = useMembers(call?.conversation_id ?? "");
  const [camera, setCamera] = useState(call?.media === "video");
  const [muted, setMuted] = useState(false);
  if (!session || !call) return null;
  const others = call.participants.filter((each) => each.state === "joined" && each.user_id !== me);
  const change = (audio: boolean, video: boolean) => {
    setMuted(!audio);
    setCamera(video);
    void session.setMedia({ audio, video });
  };
  return (
    <div className="call" role="dialog" aria-label={t("call.title")}>
      <div className="screens">
        {others.length === 0 && <p role="status">{t("call.waiting")}</p>}
        {others.map((each) => (
          <Screen key={each.participant_id} stream={session.streams.get(each.participant_id)} name={nameOf(members, each.user_id)} />
        ))}
        <Screen stream={session.local} name={t("call.you")} muted />
      </div>
      <p className="row">
        <button className="icon" aria-pressed={muted} aria-label={t("call.mute")} onClick={() => change(muted, camera)}>
          {muted ? <MicOff aria-hidden /> : <Mic aria-hidden />}
        </button>
        {call.media === "video" && (
          <button className="icon" aria-pressed={!camera} aria-label={t("call.camera")} onClick={() => change(!muted, !camera)}>
            {camera ? <Video aria-hidden /> : <VideoOff aria-hidden />}
          </button>
        )}
        <button className="danger" onClick={() => void callStore.leave(engine)}>
          <PhoneOff aria-hidden /> {t("call.leave")}
        </button>
      </p>
    </div>
  );
}

function Screen({ stream, name, muted = false }: { stream: MediaStream | undefined; name: string; muted?: boolean }) {
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (video.current && stream) video.current.srcObject = stream;
  }, [stream]);
  return (
    <figure>
      <video ref={video} autoPlay playsInline muted={muted} />
      <figcaption dir="auto">{name}</figcaption>
    </figure>
  );
}
