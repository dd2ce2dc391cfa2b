/** Microphone, camera and loudspeaker: which ones this device uses, kept in localStorage, by no account. */

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";
const KEPT = "secureconnect.device.";

export function chosenDevice(kind: DeviceKind): string {
  try {
    return localStorage.getItem(KEPT + kind) ?? "";
  } catch {
    return ""; // a page that may keep nothing
  }
}

export function keepDevice(kind: DeviceKind, id: string): void {
  try {
    localStorage.setItem(KEPT + kind, id);
  } catch {
    // it then holds as long as the call
  }
}

/** What a device is asked for: the chosen one if it is there, else the system's own. */
const wanted = (kind: DeviceKind): MediaTrackConstraints | true => {
  const id = chosenDevice(kind);
  return id ? { deviceId: { ideal: id } } : true;
};

/** Opens microphone and, if asked for, camera. Throws a DOMException when either is refused or missing. */
export const openDevices = (video: boolean): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({ audio: wanted("audioinput"), video: video && wanted("videoinput") });

/** Opens one of them anew, as it is chosen now. */
export async function openTrack(kind: "audioinput" | "videoinput"): Promise<MediaStreamTrack> {
  const asked = kind === "audioinput" ? { audio: wanted(kind) } : { video: wanted(kind) };
  const [track] = (await navigator.mediaDevices.getUserMedia(asked)).getTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

/** The devices of a kind that have a name: browsers name none before the first is allowed. */
export async function listDevices(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === kind && each.label);
}
