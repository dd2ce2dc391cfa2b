/** The drive: folders and files, uploads, previews, files that others share, and the used quota. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { ArrowLeft, FolderPlus, LayoutGrid, List, Share2, Trash2, Upload, Users } from "lucide-react";
import { type FormEvent, Suspense, lazy, useDeferredValue, useEffect, useRef, useState } from "react";
import { useLanguage } from "../i18n";
import { sizeOf } from "./attachments";
import "./chat/chat.css";
import { FileTray, UploadRow, useFileDrop, useUploads } from "./chat/file-tray";
import { FileInput } from "./file-input";
import { Entries, type Entry, type FileEntry } from "./files/entries";
import type { UploadState } from "../engine";
import type { Shown } from "./files";
import { useAttempt, useEngine, useValue } from "./hooks";
import { More, Waiting, usePages } from "./kit";
import type { ScreenProps } from "./panels";
import { openScreen } from "./places";
import { Problem } from "./problem";

interface Step {
  readonly id: string;
  readonly name: string;
}

const FileSheet = lazy(() => import("./files"));
const Preview = lazy(() => import("./files/preview"));
const Trash = lazy(() => import("./files/trash"));
/** The queries that are refetched after a change. */
const QUERIES = ["folder", "usage", "trash", "drive-search", "shared"];
/** The key in localStorage of the chosen layout, rows or tiles. */
const LAYOUT = "drive.layout";

export default function Drive({ section, onClose }: ScreenProps) {
  if (section === "trash") return <Trash />;
  return section === "shared" ? <Folders key="shared" root="shared" onClose={() => openScreen("drive")} /> : <Folders key="root" root="root" onClose={onClose} />;
}

/** A browser of folders that starts at the person's own drive, or at the files that others share. */
function Folders({ root, onClose }: { root: "root" | "shared"; onClose: () => void }) {
  const { t } = useLanguage();
  const { api, uploads } = useEngine();
  const queries = useQueryClient();
  const [path, setPath] = useState<readonly Step[]>([{ id: root, name: t(root === "root" ? "drive.title" : "drive.shared") }]);
  const [naming, setNaming] = useState(false);
  const [typed, setTyped] = useState("");
  const [pictured, setPictured] = useState(localStorage.getItem(LAYOUT) === "tiles");
  const [shown, setShown] = useState<Shown | null>(null);
  const [viewed, setViewed] = useState<FileEntry | null>(null);
  const { attempt, problem } = useAttempt();
  const picker = useRef<HTMLInputElement>(null);
  const here = path.at(-1)!;
  const q = useDeferredValue(typed.trim());
  const pages = useEntries(here.id, q);
  const inFolder = here.id !== "shared" && !q;
  const folder = here.id === "root" ? null : here.id;
  const { remove: cancel, ...others } = useUploads((each) => each.conversationId === null && each.state !== "ready", folder === null ? {} : { folderId: folder });
  const tray = { ...others, remove: (each: UploadState) => cancel(each).then(refresh) };
  const { zone, hint } = useFileDrop((files) => inFolder && tray.add(files));
  const isHere = (each: UploadState) => inFolder && each.folderId === folder;
  const arriving = tray.uploads.filter(isHere);
  // counts what changes the folder or the used room: reservations, and files that are ready
  const arrived = useValue(uploads.items)
    .filter((each) => each.conversationId === null)
    .reduce((sum, each) => sum + Number(each.file !== null) + Number(each.state === "ready"), 0);

  const refresh = async () => {
    for (const key of QUERIES) await queries.invalidateQueries({ queryKey: [key] });
  };
  const seen = useRef(arrived);
  useEffect(() => {
    if (seen.current !== arrived) void refresh(); // not at the first render, whose queries are fresh
    seen.current = arrived;
  }, [arrived]);
  /** Attempts a change, then refetches. */
  const change = (doing: () => Promise<unknown>) => attempt(doing).then(refresh);
  const make = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const name = String(new FormData(event.currentTarget).get("name")).trim();
    void change(() => api.post("/drive/folders", { body: { name, ...(folder === null ? {} : { parent_id: folder }) } })).then(() => setNaming(false));
  };
  const remove = (each: Entry) =>
    void change(() =>
      each.kind === "folder"
        ? api.delete("/drive/folders/{folder_id}", { path: { folder_id: each.id } })
        : api.delete("/drive/files/{file_id}", { path: { file_id: each.id } }),
    );
  const open = (each: Entry) => {
    if (each.kind === "file") return setViewed(each);
    setTyped("");
    setPath([...path, { id: each.id, name: each.name }]);
  };
  const choose = (tiles: boolean) => {
    localStorage.setItem(LAYOUT, tiles ? "tiles" : "rows");
    setPictured(tiles);
  };

  return (
    <section className="page" {...zone}>
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
        <button className="icon" aria-pressed={pictured} aria-label={t("drive.tiles")} onClick={() => choose(!pictured)}>
          {pictured ? <List aria-hidden /> : <LayoutGrid aria-hidden />}
        </button>
        {root === "root" && (
          <>
            <button className="icon" aria-label={t("drive.shared")} onClick={() => openScreen("drive", "shared")}>
              <Users aria-hidden />
            </button>
            <button className="icon" aria-label={t("drive.trash")} onClick={() => openScreen("drive", "trash")}>
              <Trash2 aria-hidden />
            </button>
          </>
        )}
        {inFolder && (
          <>
            <button className="icon" aria-label={t("drive.new_folder")} onClick={() => setNaming(!naming)}>
              <FolderPlus aria-hidden />
            </button>
            <button className="icon" aria-label={t("drive.upload")} onClick={() => picker.current?.click()}>
              <Upload aria-hidden />
            </button>
            <FileInput ref={picker} multiple hidden onFiles={tray.add} />
          </>
        )}
      </header>
      {root === "root" && (
        <p className="row">
          <input
            type="search"
            className="grow"
            aria-label={t("drive.search")}
            placeholder={t("drive.search")}
            maxLength={200}
            value={typed}
            onChange={(event) => setTyped(event.target.value)}
          />
        </p>
      )}
      {naming && (
        <form className="row" onSubmit={make}>
          <input name="name" required maxLength={255} aria-label={t("drive.folder_name")} autoFocus className="grow" />
          <button className="primary">{t("drive.make")}</button>
        </form>
      )}
      <Problem text={problem || pages.problem} />
      <FileTray tray={{ ...tray, uploads: tray.uploads.filter((each) => !isHere(each)) }} />
      <Waiting for={pages} />
      {pages.loaded && pages.items.length + arriving.length === 0 && <p className="empty">{t(inFolder ? "drive.empty" : "list.empty")}</p>}
      <Entries
        items={pages.items}
        before={arriving.map((each) => (
          <UploadRow key={each.clientId} upload={each} tray={tray} />
        ))}
        pictured={pictured}
        onOpen={open}
        actions={(each) => (
          <>
            <button className="icon" aria-label={t("drive.details", { name: each.name })} onClick={() => setShown(each)}>
              <Share2 aria-hidden />
            </button>
            <button className="icon" aria-label={t("drive.delete", { name: each.name })} onClick={() => remove(each)}>
              <Trash2 aria-hidden />
            </button>
          </>
        )}
      />
      {pages.hasMore && <More of={pages} />}
      <Suspense>
        {shown && <FileSheet entry={shown} onClose={() => setShown(null)} />}
        {viewed && <Preview file={viewed} onClose={() => setViewed(null)} />}
      </Suspense>
      <Usage />
      {inFolder && hint}
    </section>
  );
}

/** The entries of a folder or, with a search text, the results from the whole drive. */
function useEntries(folderId: string, q: string) {
  const { api } = useEngine();
  const key = q ? ["drive-search", q] : folderId === "shared" ? ["shared"] : ["folder", folderId];
  return usePages<Entry>(key, (query) => {
    if (q) return api.get("/drive/search", { query: { ...query, q } });
    if (folderId === "shared") return api.get("/drive/shared-with-me", { query });
    return api.get("/drive/folders/{folder_id}/children", { path: { folder_id: folderId }, query });
  });
}

function Usage() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const { data: usage } = useQuery({ queryKey: ["usage"], queryFn: () => api.get("/drive/usage") });
  if (!usage) return null;
  return (
    <p className="row usage">
      <meter className="grow" min={0} max={usage.quota} value={usage.used + usage.reserved} aria-label={t("drive.usage")} />
      <small>
        {sizeOf(usage.used, locale)} / {sizeOf(usage.quota, locale)}
      </small>
    </p>
  );
}
