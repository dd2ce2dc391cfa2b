/** The call that this device has joined: participants with connection quality, shared screens, and controls. */
import { LockKeyhole, Maximize2, Mic, MicOff, Minimize2, PhoneOff, PictureInPicture2, ScreenShare, ScreenShareOff, Settings, Signal, SignalLow, SignalMedium, Video, VideoOff } from "lucide-react";
import { Suspense, lazy, useEffect, useRef, useState } from "react";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine, useMyId, useValue } from "../hooks";
import { nameOf, useMembers } from "../people";
import { Problem } from "../problem";
import { chosenDevice } from "./media";
import type { Grade } from "./measuring";
import { callStore } from "./store";

const Devices = lazy(() => import("./devices"));
const OTHERS = "video[data-participant^=par]";
const BARS = { good: Signal, fair: SignalMedium, poor: SignalLow } as const;

export default function InCall() {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const { session, call } = useValue(callStore);
  const members = useMembers(call?.conversation_id ?? "");
  const [camera, setCamera] = useState(call?.media === "video");
  const [muted, setMuted] = useState(false);
  const [wide, setWide] = useState(false);
  const [choosing, setChoosing] = useState(false);
  const { attempt, problem } = useAttempt();
  const box = useRef<HTMLDivElement>(null);
  if (!session || !call) return null;
  const others = call.participants.filter((each) => each.state === "joined" && each.user_id !== me);
  const change = (audio: boolean, video: boolean) => {
    setMuted(!audio);
    setCamera(video);
    void attempt(() => session.setMedia({ audio, video }));
  };
  const share = async () => {
    try {
      await (session.screen ? session.unshare() : session.share());
    } catch (error) {
      if (!(error instanceof DOMException && error.name === "NotAllowedError")) throw error; // the person chose no screen
    }
  };
  /** Toggles picture in picture of the speaker, or of the first participant with video. */
  const popOut = async () => {
    const screens = [...(box.current?.querySelectorAll<HTMLVideoElement>(OTHERS) ?? [])].filter((each) => each.videoWidth > 0);
    const chosen = screens.find((each) => each.dataset.participant === session.speaker) ?? screens[0];
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await chosen?.requestPictureInPicture();
  };
  return (
    <div className={wide ? "call wide" : "call"} role="dialog" aria-label={t("call.title")} ref={box}>
      <div className="screens" role="group" tabIndex={0} aria-label={t("call.people")}>
        {others.length === 0 && <p role="status">{t("call.waiting")}</p>}
        {others.map(({ participant_id: id, user_id, media_state }) => {
          const shown = session.shown.get(id);
          const name = nameOf(members, user_id);
          return [
            shown?.screen && <Screen key={`${id} screen`} id={id} stream={shown.screen} name={t("call.screen_of", { name })} big />,
            <Screen
              key={id}
              id={id}
              stream={shown?.person}
              name={name}
              silent={!media_state.audio}
              speaks={session.speaker === id}
              grade={session.gradeOf(id)}
              unreadable={session.protection?.isUnreadable(id) ?? false}
            />,
          ];
        })}
        {session.screen && <Screen id="" stream={session.screen} name={t("call.your_screen")} muted />}
        <Screen id="" stream={session.local} name={t("call.you")} silent={muted} muted />
      </div>
      {session.protection && (
        <p className="row hint">
          <LockKeyhole aria-hidden /> {t("call.encrypted")}
        </p>
      )}
      <Problem text={session.protection?.failure ? t(session.protection.failure) : problem} />
      <p className="row">
        <button className="icon" aria-pressed={muted} aria-label={t("call.mute")} onClick={() => change(muted, camera)}>
          {muted ? <MicOff aria-hidden /> : <Mic aria-hidden />}
        </button>
        {call.media === "video" && (
          <button className="icon" aria-pressed={!camera} aria-label={t("call.camera")} onClick={() => change(!muted, !camera)}>
            {camera ? <Video aria-hidden /> : <VideoOff aria-hidden />}
          </button>
        )}
        {"getDisplayMedia" in navigator.mediaDevices && (
          <button className="icon" aria-pressed={session.screen !== null} aria-label={t("call.share")} onClick={() => void attempt(share)}>
            {session.screen ? <ScreenShareOff aria-hidden /> : <ScreenShare aria-hidden />}
          </button>
        )}
        {document.pictureInPictureEnabled && (
          <button className="icon" aria-label={t("call.pop_out")} onClick={() => void attempt(popOut)}>
            <PictureInPicture2 aria-hidden />
          </button>
        )}
        <button className="icon" aria-pressed={wide} aria-label={t("call.wide")} onClick={() => setWide(!wide)}>
          {wide ? <Minimize2 aria-hidden /> : <Maximize2 aria-hidden />}
        </button>
        <button className="icon" aria-label={t("call.devices")} onClick={() => setChoosing(true)}>
          <Settings aria-hidden />
        </button>
        <button className="danger" onClick={() => void callStore.leave(engine)}>
          <PhoneOff aria-hidden /> {t("call.leave")}
        </button>
      </p>
      {choosing && (
        <Suspense>
          <Devices video={call.media === "video"} session={session} onClose={() => setChoosing(false)} />
        </Suspense>
      )}
    </div>
  );
}

interface ScreenProps {
  readonly id: string;
  readonly stream: MediaStream | undefined;
  readonly name: string;
  readonly silent?: boolean;
  readonly speaks?: boolean;
  readonly big?: boolean;
  readonly muted?: boolean;
  /** Whether frames come that cannot be decrypted. */
  readonly unreadable?: boolean;
  /** null while the connection is being (re-)established; undefined for this device's own streams. */
  readonly grade?: Grade | null;
}

function Screen({ id, stream, name, silent = false, speaks = false, big = false, muted = false, unreadable = false, grade }: ScreenProps) {
  const t = useTranslations();
  const video = useRef<HTMLVideoElement>(null);
  useEffect(() => {
    if (!video.current || !stream) return;
    video.current.srcObject = stream;
    const loudspeaker = chosenDevice("audiooutput");
    if (loudspeaker && "setSinkId" in video.current) video.current.setSinkId(loudspeaker).catch(() => undefined); // unplugged: the system's default stays
  }, [stream]);
  useEffect(() => {
    const shown = video.current;
    // browsers keep a picture in picture whose element has gone
    return () => void (shown && shown === document.pictureInPictureElement && document.exitPictureInPicture());
  }, []);
  const Bars = grade ? BARS[grade] : null;
  return (
    <figure className={[speaks && "speaks", big && "big"].filter(Boolean).join(" ")}>
      <video ref={video} data-participant={id} autoPlay playsInline muted={muted} />
      <figcaption className="row">
        <span className="grow cut" dir="auto">
          {name}
        </span>
        {silent && <MicOff role="img" aria-label={t("call.is_muted")} />}
        {unreadable && <span role="status">{t("call.unreadable")}</span>}
        {grade === null && <span role="status">{t("call.connecting")}</span>}
        {Bars && grade && <Bars role="img" aria-label={t(`call.quality_${grade}`)} />}
      </figcaption>
    </figure>
  );
}
