/** The choice of microphone, camera and loudspeaker, with a preview; applies to the present and to later calls. */
import { useCallback, useEffect, useRef, useState } from "react";
import { useTranslations } from "../../i18n";
import { useAttempt } from "../hooks";
import { Choice } from "../kit";
import { Problem } from "../problem";
import { Sheet } from "../sheet";
import { type DeviceKind, chosenDevice, keepDevice, listDevices, openDevices } from "./media";
import type { CallSession } from "./session";

const KINDS = ["audioinput", "videoinput", "audiooutput"] as const;

/** `session` is the present call, whose devices change; without one, devices are opened only for the preview. */
export default function Devices({ video, session, onClose }: { video: boolean; session?: CallSession; onClose: () => void }) {
  const t = useTranslations();
  const { attempt, problem } = useAttempt();
  const [devices, setDevices] = useState<readonly MediaDeviceInfo[]>([]);
  const [mirror, setMirror] = useState<MediaStream | null>(session?.local ?? null);
  const picture = useRef<HTMLVideoElement>(null);
  const refreshDevices = useCallback(async () => setDevices((await Promise.all(KINDS.map(listDevices))).flat()), []);

  const [opened, setOpened] = useState(0); // changes with each choice, to open the devices again
  useEffect(() => {
    let mine: MediaStream | null = null;
    let unmounted = false;
    void attempt(async () => {
      if (!session) {
        mine = await openDevices(video);
        if (unmounted) mine.getTracks().forEach((each) => each.stop());
        else setMirror(mine);
      }
      await refreshDevices();
    });
    navigator.mediaDevices.addEventListener("devicechange", refreshDevices);
    return () => {
      unmounted = true;
      navigator.mediaDevices.removeEventListener("devicechange", refreshDevices);
      mine?.getTracks().forEach((each) => each.stop());
    };
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `attempt` is a new function at each render
  }, [session, video, refreshDevices, opened]);
  useEffect(() => {
    if (picture.current) picture.current.srcObject = mirror;
  }, [mirror]);

  const choose = (kind: DeviceKind, id: string) =>
    void attempt(async () => {
      keepDevice(kind, id);
      if (session && kind !== "audiooutput") await session.change(kind);
      if (session && kind === "audiooutput")
        for (const each of document.querySelectorAll<HTMLVideoElement>(".screens video")) await each.setSinkId(id);
      setOpened((before) => before + 1);
    });
  const titles = { audioinput: t("call.microphone"), videoinput: t("call.camera"), audiooutput: t("call.loudspeaker") };
  return (
    <Sheet title={t("call.devices")} onClose={onClose}>
      {video && <video className="mirror" ref={picture} autoPlay playsInline muted aria-label={t("call.mirror")} />}
      {KINDS.filter((kind) => (video || kind !== "videoinput") && devices.some((each) => each.kind === kind)).map((kind) => (
        <Choice
          key={kind}
          label={titles[kind]}
          value={chosenDevice(kind) || "default"}
          options={options(devices.filter((each) => each.kind === kind), t("call.usual_device"))}
          onChoose={(id) => choose(kind, id === "default" ? "" : id)}
        />
      ))}
      <Problem text={problem} />
      <button className="primary" onClick={onClose}>
        {t("call.devices_done")}
      </button>
    </Sheet>
  );
}

function options(devices: readonly MediaDeviceInfo[], usual: string): (readonly [string, string])[] {
  const named = devices.filter((each) => each.deviceId !== "default").map((each) => [each.deviceId, each.label] as const);
  return [["default", usual], ...named];
}
