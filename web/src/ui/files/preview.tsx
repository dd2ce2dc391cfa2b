/** A preview of a file: images, video, audio, PDF and text are shown; other files can be downloaded. */
import { useQuery } from "@tanstack/react-query";
import { Download, X } from "lucide-react";
import { useEffect, useState } from "react";
import { useTranslations } from "../../i18n";
import { ADDRESS_LASTS_MS, kindOf, useDownload } from "../attachments";
import { errorText, useEngine } from "../hooks";
import { Playback } from "../playback";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

/** At most this much of a text is shown. */
const TEXT_BYTES = 256 * 1024;
/** Larger PDFs have no preview, since the whole file is fetched before the first page shows. */
const PDF_BYTES = 30 * 2 ** 20;

export interface Previewed {
  readonly id: string;
  readonly name: string;
  readonly size: number;
  readonly content_type: string;
  readonly thumbnail_url: string | null;
}

export default function Preview({ file, onClose }: { file: Previewed; onClose: () => void }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [download, refused] = useDownload();
  const { data, error, refetch } = useQuery({
    queryKey: ["address", file.id],
    staleTime: ADDRESS_LASTS_MS,
    queryFn: () => api.get("/drive/files/{file_id}/download", { path: { file_id: file.id } }),
  });
  return (
    <Sheet title={file.name} wide onClose={onClose}>
      <Inside file={file} url={data?.url} onAgain={() => void refetch()} />
      <Problem text={refused || (error ? errorText(error, t) : "")} />
      <p className="row">
        <button className="primary row" onClick={() => void download(file.id)}>
          <Download aria-hidden /> {t("chat.download")}
        </button>
        <button className="row" onClick={onClose}>
          <X aria-hidden /> {t("chat.close")}
        </button>
      </p>
    </Sheet>
  );
}

function Inside({ file, url, onAgain }: { file: Previewed; url: string | undefined; onAgain: () => void }) {
  const t = useTranslations();
  const kind = kindOf(file.content_type);
  const src = url ?? (kind === "image" ? file.thumbnail_url : null);
  const [unplayable, setUnplayable] = useState<string>(); // the address whose content this browser did not get or cannot show
  if (!src) return <p className="empty">…</p>;
  if (src === unplayable) {
    const again = () => {
      setUnplayable(undefined);
      onAgain();
    };
    return (
      <p className="empty" role="alert">
        {t("drive.not_shown")} <button onClick={again}>{t("chat.try_again")}</button>
      </p>
    );
  }
  const refuse = () => setUnplayable(src);
  if (kind === "image") return <img className="viewed" alt={file.name} src={src} onError={refuse} />;
  if (kind === "video") return <Playback file={file} kind={kind} url={src} className="viewed" onUnplayable={refuse} />;
  if (kind === "audio") return <Playback file={file} kind={kind} url={src} onUnplayable={refuse} />;
  if (file.content_type === "application/pdf" && file.size <= PDF_BYTES) return <Pdf name={file.name} url={src} />;
  if (file.content_type.startsWith("text/") || file.content_type === "application/json") return <Text file={file} url={src} />;
  return <p className="empty">{t("drive.no_preview")}</p>;
}

/**
 * Shows a PDF in the browser's viewer. The storage serves files as downloads, so the bytes are fetched and shown from a
 * blob, whose type makes sure that they are treated as a PDF and nothing else.
 */
function Pdf({ name, url }: { name: string; url: string }) {
  const t = useTranslations();
  const { data, error } = useQuery({
    queryKey: ["pdf", url],
    gcTime: 0,
    queryFn: async () => URL.createObjectURL(new Blob([await (await fetched(url)).arrayBuffer()], { type: "application/pdf" })),
  });
  useEffect(() => () => (data ? URL.revokeObjectURL(data) : undefined), [data]);
  if (error) return <Problem text={errorText(error, t)} />;
  return data ? <iframe className="paper" src={data} title={name} /> : <p className="empty">…</p>;
}

function Text({ file, url }: { file: Previewed; url: string }) {
  const t = useTranslations();
  const { data, error } = useQuery({
    queryKey: ["text", url],
    queryFn: async () => (await fetched(url, { Range: `bytes=0-${TEXT_BYTES - 1}` })).text(),
    enabled: file.size > 0,
  });
  if (error) return <Problem text={errorText(error, t)} />;
  return (
    <>
      <pre className="paper" dir="auto" tabIndex={0} aria-label={file.name}>
        {data ?? ""}
      </pre>
      {file.size > TEXT_BYTES && <p className="hint">{t("drive.only_beginning")}</p>}
    </>
  );
}

async function fetched(url: string, headers: Record<string, string> = {}): Promise<Response> {
  const answer = await fetch(url, { headers, credentials: "omit", referrerPolicy: "no-referrer" });
  if (!answer.ok) throw new Error(`the storage answers ${answer.status}`);
  return answer;
}
