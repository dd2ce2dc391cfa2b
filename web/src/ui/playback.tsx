/** Plays a video or sound of the drive. Its address ends after some minutes, so a longer one goes on with another address. */
import { useRef, useState } from "react";
import { useAttempt, useEngine } from "./hooks";

interface Props {
  readonly file: { readonly id: string; readonly name: string };
  readonly kind: "video" | "audio";
  /** The first address. Later ones are not taken: a change would begin from the start. */
  readonly url: string;
  readonly className?: string;
  /** The browser cannot play this file, or nobody gives its content. */
  readonly onUnplayable: () => void;
}

export function Playback({ file, kind, url, className, onUnplayable }: Props) {
  const { api } = useEngine();
  const { attempt } = useAttempt();
  const [source, setSource] = useState({ url, seconds: 0, playing: true });
  const playing = useRef(true);
  /** Whether the present address has given anything, so that one which gives nothing is not replaced again and again. */
  const given = useRef(false);

  const goOn = async (media: HTMLMediaElement) => {
    const from = { seconds: media.currentTime, playing: playing.current }; // the error pauses it, after this event
    if (media.error?.code !== MediaError.MEDIA_ERR_NETWORK || !given.current) return onUnplayable();
    given.current = false;
    const renewed = await attempt(async () => {
      const answer = await api.get("/drive/files/{file_id}/download", { path: { file_id: file.id } });
      setSource({ url: answer.url, ...from });
      if (answer.url === source.url) media.load(); // of the same second
    });
    if (!renewed) onUnplayable();
  };

  const Media = kind;
  return (
    <Media
      controls
      autoPlay={source.playing}
      src={source.url}
      className={className}
      aria-label={file.name}
      onLoadedMetadata={({ currentTarget }) => {
        if (source.seconds > 0) currentTarget.currentTime = source.seconds;
      }}
      onLoadedData={() => (given.current = true)}
      onPlay={() => (playing.current = true)}
      onPause={({ currentTarget }) => {
        if (!currentTarget.error) playing.current = false;
      }}
      onError={({ currentTarget }) => void goOn(currentTarget)}
    />
  );
}
