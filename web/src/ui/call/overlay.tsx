/** Shows the call that rings here, or the one that this device has joined. */
import { Phone, PhoneOff, Settings } from "lucide-react";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import type { Call } from "../../engine";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useValue } from "../hooks";
import { nameOf, useMembers } from "../people";
import { Problem } from "../problem";
import { callStore } from "./store";

const InCall = lazy(() => import("./in-call"));
const Devices = lazy(() => import("./devices"));

export function CallOverlay() {
  const engine = useEngine();
  const ringing = useValue(engine.calls.ringing);
  const { session } = useValue(callStore);
  useEffect(() => () => void (callStore.get().session && callStore.leave(engine)), [engine]);
  if (session)
    return (
      <Suspense>
        <InCall />
      </Suspense>
    );
  return ringing ? <Ringing call={ringing} /> : null;
}

function Ringing({ call }: { call: Call }) {
  const t = useTranslations();
  const engine = useEngine();
  const members = useMembers(call.conversation_id);
  const { attempt, problem } = useAttempt();
  const answer = useRef<HTMLButtonElement>(null);
  const [choosing, setChoosing] = useState(false);
  const [answering, setAnswering] = useState(false);
  useEffect(() => answer.current?.focus(), []);
  useEffect(() => (answering ? undefined : ring()), [answering]);
  const join = async () => {
    if (answering) return; // the browser may ask for the microphone for long
    setAnswering(true);
    await attempt(() => callStore.join(engine, call));
    setAnswering(false); // it rings on if that failed
  };
  const decline = async () =>
    engine.calls.put(await engine.api.post("/calls/{call_id}/decline", { path: { call_id: call.id } }));
  return (
    <div className="call ring" role="alertdialog" aria-label={t("call.ringing", { name: nameOf(members, call.initiator_id) })}>
      <p dir="auto">{t("call.ringing", { name: nameOf(members, call.initiator_id) })}</p>
      <Problem text={problem} />
      <p className="row">
        <button ref={answer} className="primary" onClick={() => void join()}>
          <Phone aria-hidden /> {t("call.answer")}
        </button>
        <button className="danger" onClick={() => void attempt(decline)}>
          <PhoneOff aria-hidden /> {t("call.decline")}
        </button>
        <button className="icon" aria-label={t("call.devices")} onClick={() => setChoosing(true)}>
          <Settings aria-hidden />
        </button>
      </p>
      {choosing && (
        <Suspense>
          <Devices video={call.media === "video"} onClose={() => setChoosing(false)} />
        </Suspense>
      )}
    </div>
  );
}

/** Plays two soft tones every two seconds, as soon as the browser allows it, until the returned function is called. */
function ring(): () => void {
  const audio = new AudioContext();
  const sound = () => {
    // tones of a context that does not run would all sound at once when it does
    if (audio.state !== "running") return void audio.resume().catch(() => undefined); // closed meanwhile
    const tone = audio.createOscillator();
    const gain = audio.createGain();
    gain.gain.value = 0.05;
    tone.frequency.setValueAtTime(480, audio.currentTime);
    tone.frequency.setValueAtTime(620, audio.currentTime + 0.25);
    tone.connect(gain).connect(audio.destination);
    tone.start();
    tone.stop(audio.currentTime + 0.5);
  };
  audio.onstatechange = sound;
  const timer = setInterval(sound, 2_000);
  return () => {
    clearInterval(timer);
    audio.onstatechange = null;
    void audio.close();
  };
}
