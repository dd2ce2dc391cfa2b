/** A picture in full size. */
import { useQuery } from "@tanstack/react-query";
import { Download, X } from "lucide-react";
import { useTranslations } from "../../i18n";
import { ADDRESS_LASTS_MS, type Attached } from "../attachments";
import { told, useEngine } from "../hooks";
import { Problem } from "../problem";
import { Sheet } from "../sheet";

export default function Viewer({ file, onDownload, onClose }: { file: Attached; onDownload: () => void; onClose: () => void }) {
  const t = useTranslations();
  const { api } = useEngine();
  const { data, error } = useQuery({
    queryKey: ["address", file.id],
    staleTime: ADDRESS_LASTS_MS,
    queryFn: () => api.get("/drive/files/{file_id}/download", { path: { file_id: file.id } }),
  });
  return (
    <Sheet title={file.name} wide onClose={onClose}>
      <img className="viewed" src={data?.url ?? file.thumbnail_url ?? ""} alt={file.name} />
      <Problem text={error ? told(error, t) : ""} />
      <p className="row">
        <button className="primary row" onClick={onDownload}>
          <Download aria-hidden /> {t("chat.download")}
        </button>
        <button className="row" onClick={onClose}>
          <X aria-hidden /> {t("chat.close")}
        </button>
      </p>
    </Sheet>
  );
}
