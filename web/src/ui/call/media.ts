/** The microphone, camera and loudspeaker chosen on this device; stored in localStorage for all its accounts. */

export type DeviceKind = "audioinput" | "videoinput" | "audiooutput";
const PREFIX = "secureconnect.device.";

export function chosenDevice(kind: DeviceKind): string {
  try {
    return localStorage.getItem(PREFIX + kind) ?? "";
  } catch {
    return ""; // localStorage may be forbidden
  }
}

export function keepDevice(kind: DeviceKind, id: string): void {
  try {
    localStorage.setItem(PREFIX + kind, id);
  } catch {
    // the choice then lasts for the present call only
  }
}

/** Prefers the chosen device; without it the browser takes the system's default. */
const constraintsFor = (kind: DeviceKind): MediaTrackConstraints | true => {
  const id = chosenDevice(kind);
  return id ? { deviceId: { ideal: id } } : true;
};

/** Opens microphone and, if asked for, camera. Throws a DOMException when either is refused or missing. */
export const openDevices = (video: boolean): Promise<MediaStream> =>
  navigator.mediaDevices.getUserMedia({ audio: constraintsFor("audioinput"), video: video && constraintsFor("videoinput") });

/** Opens the microphone or camera that is chosen now. */
export async function openTrack(kind: "audioinput" | "videoinput"): Promise<MediaStreamTrack> {
  const asked = kind === "audioinput" ? { audio: constraintsFor(kind) } : { video: constraintsFor(kind) };
  const [track] = (await navigator.mediaDevices.getUserMedia(asked)).getTracks();
  if (!track) throw new DOMException("no track", "NotFoundError");
  return track;
}

/** The devices of a kind that have a label; browsers give labels only after access was granted. */
export async function listDevices(kind: DeviceKind): Promise<MediaDeviceInfo[]> {
  return (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === kind && each.label);
}
