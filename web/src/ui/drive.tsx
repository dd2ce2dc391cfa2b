/** The drive: folders and files, bringing files in and taking them out, and how much room is left. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowLeft, FileText, Folder, FolderPlus, Share2, Trash2, Upload } from "lucide-react";
import { type FormEvent, Suspense, lazy, useRef, useState } from "react";
import { useLanguage } from "../i18n";
import { sizeOf, useDownload } from "./attachments";
import { useAttempt, useEngine, useValue } from "./hooks";
import type { Shown } from "./files";
import type { ScreenProps } from "./panels";
import { openScreen } from "./places";
import { Problem } from "./problem";

interface Step {
  readonly id: string;
  readonly name: string;
}

const FileSheet = lazy(() => import("./files"));
const Trash = lazy(() => import("./files/trash"));

export default function Drive({ section, onClose }: ScreenProps) {
  return section === "trash" ? <Trash /> : <Folders onClose={onClose} />;
}

function Folders({ onClose }: { onClose: () => void }) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const queries = useQueryClient();
  const [path, setPath] = useState<readonly Step[]>([{ id: "root", name: t("drive.title") }]);
  const [naming, setNaming] = useState(false);
  const [shown, setShown] = useState<Shown | null>(null);
  const { attempt, problem } = useAttempt();
  const [download, refused] = useDownload();
  const picker = useRef<HTMLInputElement>(null);
  const here = path.at(-1)!;
  const { data } = useQuery({
    queryKey: ["folder", here.id],
    queryFn: () => engine.api.get("/drive/folders/{folder_id}/children", { path: { folder_id: here.id }, query: { limit: 100 } }),
  });
  const { data: usage } = useQuery({ queryKey: ["usage"], queryFn: () => engine.api.get("/drive/usage") });
  const uploads = useValue(engine.uploads.items).filter((each) => each.conversationId === null && each.state !== "ready");

  /** Tries a change; what it may have changed is asked for again. */
  async function change(doing: () => Promise<unknown>) {
    await attempt(doing);
    await queries.invalidateQueries({ queryKey: ["folder", here.id] });
    for (const key of ["usage", "trash"]) await queries.invalidateQueries({ queryKey: [key] });
  }
  const bring = (files: Iterable<File>) => {
    const folder = here.id === "root" ? {} : { folderId: here.id };
    for (const file of files) void change(() => engine.uploads.start(file, folder));
  };
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    const parent = here.id === "root" ? {} : { parent_id: here.id };
    void change(() => engine.api.post("/drive/folders", { body: { name, ...parent } })).then(() => setNaming(false));
  };

  return (
    <section className="page" onDragOver={(event) => event.preventDefault()} onDrop={(event) => {
      event.preventDefault();
      bring(event.dataTransfer.files);
    }}>
      <header className="bar">
        <button
          className="icon"
          aria-label={t("nav.back")}
          onClick={() => (path.length > 1 ? setPath(path.slice(0, -1)) : onClose())}
        >
          <ArrowLeft aria-hidden className="flip" />
        </button>
        <h2 className="grow cut" dir="auto">
          {here.name}
        </h2>
        <button className="icon" aria-label={t("drive.trash")} onClick={() => openScreen("drive", "trash")}>
          <Trash2 aria-hidden />
        </button>
        <button className="icon" aria-label={t("drive.new_folder")} onClick={() => setNaming(!naming)}>
          <FolderPlus aria-hidden />
        </button>
        <button className="icon" aria-label={t("drive.upload")} onClick={() => picker.current?.click()}>
          <Upload aria-hidden />
        </button>
        <input ref={picker} type="file" multiple hidden onChange={(event) => bring(event.target.files ?? [])} />
      </header>
      {naming && (
        <form className="row" onSubmit={make}>
          <input name="name" required maxLength={255} aria-label={t("drive.folder_name")} autoFocus className="grow" />
          <button className="primary">{t("drive.make")}</button>
        </form>
      )}
      <Problem text={problem || refused} />
      {uploads.map((each) => (
        <p key={each.clientId} className="row">
          <span className="grow cut">{each.name}</span>
          <progress max={each.size || 1} value={each.sentBytes} aria-label={each.name} />
        </p>
      ))}
      {data?.items.length === 0 && <p className="empty">{t("drive.empty")}</p>}
      <ul className="list">
        {data?.items.map((each) => (
          <li key={each.id} className="row">
            <button
              className="entry grow"
              onClick={() =>
                each.kind === "folder" ? setPath([...path, { id: each.id, name: each.name }]) : void download(each.id)
              }
            >
              {each.kind === "folder" ? <Folder aria-hidden /> : <FileText aria-hidden />}
              <span className="grow cut" dir="auto">
                {each.name}
              </span>
              {"size" in each && <small>{sizeOf(each.size, locale)}</small>}
            </button>
            <button className="icon" aria-label={t("drive.details", { name: each.name })} onClick={() => setShown(each)}>
              <Share2 aria-hidden />
            </button>
            <button
              className="icon"
              aria-label={t("drive.delete", { name: each.name })}
              onClick={() =>
                void change(() =>
                  each.kind === "folder"
                    ? engine.api.delete("/drive/folders/{folder_id}", { path: { folder_id: each.id } })
                    : engine.api.delete("/drive/files/{file_id}", { path: { file_id: each.id } }),
                )
              }
            >
              <Trash2 aria-hidden />
            </button>
          </li>
        ))}
      </ul>
      {shown && (
        <Suspense>
          <FileSheet entry={shown} onClose={() => setShown(null)} />
        </Suspense>
      )}
      {usage && (
        <p className="row usage">
          <meter className="grow" min={0} max={usage.quota} value={usage.used + usage.reserved} aria-label={t("drive.usage")} />
          <small>
            {sizeOf(usage.used, locale)} / {sizeOf(usage.quota, locale)}
          </small>
        </p>
      )}
    </section>
  );
}
