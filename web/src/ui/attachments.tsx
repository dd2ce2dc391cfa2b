/** A message's files: images are shown, video and audio play in place, other files are downloaded. */
import { Download, Play } from "lucide-react";
import { useQuery } from "@tanstack/react-query";
import { Suspense, lazy, useState } from "react";
import type { Message } from "../engine";
import { useLanguage } from "../i18n";
import { useAttempt, useEngine } from "./hooks";
import { Playback } from "./playback";
import { Problem } from "./problem";

const Preview = lazy(() => import("./files/preview"));
/** How long a file's URL is cached; it is valid for five minutes. */
export const ADDRESS_LASTS_MS = 4 * 60_000;
/** By then the browser has started to save a decrypted file. */
const BLOB_LASTS_MS = 60_000;
export type Attached = Message["attachments"][number];

export function sizeOf(bytes: number, locale: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const style = { style: "unit", unit: units[step]!, unitDisplay: step === 0 ? "long" : "short", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, style).format(bytes / 1000 ** step);
}

/** Downloads a file through its short-lived URL; an encrypted file is fetched and decrypted first. */
export function useDownload(): [(fileId: string, name?: string) => Promise<boolean>, string] {
  const { api, endToEnd } = useEngine();
  const { attempt, problem } = useAttempt();
  const download = (fileId: string, name = "") =>
    attempt(async () => {
      const link = document.createElement("a");
      link.rel = "noopener";
      if (endToEnd.opens(fileId)) {
        link.href = URL.createObjectURL(await endToEnd.openFile(fileId));
        link.download = name;
        setTimeout(() => URL.revokeObjectURL(link.href), BLOB_LASTS_MS);
      } else link.href = (await api.get("/drive/files/{file_id}/download", { path: { file_id: fileId } })).url;
      link.click();
    });
  return [download, problem];
}

export type MediaKind = "image" | "video" | "audio" | "other";
export function kindOf(contentType: string): MediaKind {
  const kind = contentType.split("/")[0];
  return kind === "image" || kind === "video" || kind === "audio" ? kind : "other";
}

export function Attachments({ files }: { files: readonly Attached[] }) {
  const [download, problem] = useDownload();
  const { endToEnd } = useEngine();
  const [viewed, setViewed] = useState<Attached | null>(null);
  if (files.length === 0) return null;
  return (
    <ul className="files">
      {files.map((file) => {
        const kind = endToEnd.opens(file.id) ? "other" : kindOf(file.content_type);
        return (
          <li key={file.id}>
            {kind === "image" ? (
              <Picture file={file} onOpen={() => setViewed(file)} />
            ) : kind === "video" || kind === "audio" ? (
              <Player file={file} kind={kind} onDownload={() => void download(file.id)} />
            ) : (
              <FileButton file={file} onPress={() => void download(file.id, file.name)} />
            )}
          </li>
        );
      })}
      {problem && <li role="alert" className="problem">{problem}</li>}
      {viewed && (
        <Suspense>
          <Preview file={viewed} onClose={() => setViewed(null)} />
        </Suspense>
      )}
    </ul>
  );
}

export function Picture({ file, onOpen }: { file: Attached; onOpen: () => void }) {
  const { t } = useLanguage();
  const { api } = useEngine();
  const path = { file_id: file.id };
  // a message may be older than its image's thumbnail
  const { data } = useQuery({
    queryKey: ["picture", file.id],
    enabled: file.thumbnail_url === null,
    staleTime: ADDRESS_LASTS_MS,
    queryFn: async () =>
      (await api.get("/drive/files/{file_id}", { path })).thumbnail_url ?? (await api.get("/drive/files/{file_id}/download", { path })).url,
  });
  const source = file.thumbnail_url ?? data;
  // the known aspect ratio reserves the space, so that loading shifts no layout
  const ratio = file.width && file.height ? { aspectRatio: `${file.width} / ${file.height}` } : {};
  return (
    <button className="picture" aria-label={t("chat.view", { name: file.name })} onClick={onOpen}>
      {source ? <img src={source} alt="" loading="lazy" decoding="async" style={ratio} /> : <span className="cut">{file.name}</span>}
    </button>
  );
}

function FileButton({ file, onPress }: { file: Attached; onPress: () => void }) {
  const { locale } = useLanguage();
  return (
    <button className="file" onClick={onPress}>
      <Download aria-hidden />
      <span className="grow cut" dir="auto">
        {file.name}
      </span>
      <small>{sizeOf(file.size, locale)}</small>
    </button>
  );
}

/** A player that fetches its file's URL only when somebody presses play. */
function Player({ file, kind, onDownload }: { file: Attached; kind: "video" | "audio"; onDownload: () => void }) {
  const { t } = useLanguage();
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const [url, setUrl] = useState("");
  const play = () =>
    attempt(async () => setUrl((await api.get("/drive/files/{file_id}/download", { path: { file_id: file.id } })).url));
  return (
    <>
      {url && <Playback file={file} kind={kind} url={url} className={kind === "video" ? "film" : ""} onUnplayable={() => setUrl("")} />}
      <div className="row">
        {!url && (
          <button className="icon" aria-label={t("chat.play", { name: file.name })} onClick={() => void play()}>
            <Play aria-hidden />
          </button>
        )}
        <FileButton file={file} onPress={onDownload} />
      </div>
      <Problem text={problem} />
    </>
  );
}
