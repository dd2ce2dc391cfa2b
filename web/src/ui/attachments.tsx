/** Files of a message, and how a file is brought to its reader. */
import { Download } from "lucide-react";
import type { Message } from "../engine";
import { useLanguage } from "../i18n";
import { useAttempt, useEngine } from "./hooks";

export function sizeOf(bytes: number, locale: string): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"] as const;
  const step = Math.min(units.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3));
  const style = { style: "unit", unit: units[step]!, unitDisplay: "short", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, style).format(bytes / 1000 ** step);
}

/** Opens a file's short-lived address, which the storage answers as a download. */
export function useDownload(): [(fileId: string) => Promise<boolean>, string] {
  const { api } = useEngine();
  const { attempt, problem } = useAttempt();
  const download = (fileId: string) =>
    attempt(async () => {
      const { url } = await api.get("/drive/files/{file_id}/download", { path: { file_id: fileId } });
      const link = document.createElement("a");
      link.href = url;
      link.rel = "noopener";
      link.click();
    });
  return [download, problem];
}

export function Attachments({ files }: { files: Message["attachments"] }) {
  const { locale } = useLanguage();
  const [download, problem] = useDownload();
  if (files.length === 0) return null;
  return (
    <ul className="files">
      {files.map((file) => (
        <li key={file.id}>
          <button className="file" onClick={() => void download(file.id)}>
            <Download aria-hidden />
            <span className="grow cut" dir="auto">
              {file.name}
            </span>
            <small>{sizeOf(file.size, locale)}</small>
          </button>
        </li>
      ))}
      {problem && <li role="alert" className="problem">{problem}</li>}
    </ul>
  );
}
