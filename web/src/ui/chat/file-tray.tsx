/** Uploads for the next message: in progress, ready or failed, including those started before a reload. */
import { RotateCcw, Upload, X } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { type DriveFile, UploadCancelled, type UploadState, type Uploads } from "../../engine";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";
import { FileInput } from "../file-input";
import { errorText, useEngine, useValue } from "../hooks";

const MAX_FILES = 10;
const IN_PROGRESS: ReadonlySet<UploadState["state"]> = new Set(["hashing", "uploading", "processing"]);

export interface Tray {
  readonly uploads: readonly UploadState[];
  /** The files that are ready to be sent. */
  readonly files: readonly DriveFile[];
  readonly busy: boolean;
  add(files: Iterable<File>): void;
  /** Resolves when the service has freed the room of an upload that had not ended. */
  remove(upload: UploadState): Promise<void>;
  again(upload: UploadState, file: File): void;
  clear(): void;
}

type Where = NonNullable<Parameters<Uploads["start"]>[1]>;

/** The files for the next message, encrypted in an encrypted conversation. Voice messages are sent without the tray. */
export function useTray(conversationId: string, enabled: boolean): Tray {
  const { conversations, endToEnd } = useEngine();
  const where = { conversationId, ...(conversations.of(conversationId)?.settings.encrypted ? { sealedBy: endToEnd } : {}) };
  return useUploads((each) => enabled && each.conversationId === conversationId && !each.clientId.startsWith("voice-"), where, MAX_FILES);
}

/** The uploads for which `belongs` holds; new ones are uploaded to `where`, up to `most` in all. */
export function useUploads(belongs: (upload: UploadState) => boolean, where: Where, most = Infinity): Tray {
  const { uploads: manager } = useEngine();
  const uploads = useValue(manager.items).filter((each) => each.state !== "cancelled" && belongs(each));
  const files = uploads.flatMap((each) => (each.state === "ready" && each.file ? [each.file] : []));
  // an error shows in the upload's own row
  const ignoringErrors = async (work: Promise<unknown>) => void (await work.catch(() => undefined));
  const remove: Tray["remove"] = async ({ clientId, state }) =>
    state === "ready" ? manager.dismiss(clientId) : ignoringErrors(manager.cancel(clientId));
  return {
    uploads,
    files: files.slice(0, most),
    busy: uploads.some((each) => IN_PROGRESS.has(each.state)),
    add: (given) => [...given].slice(0, most - uploads.length).forEach((file) => void ignoringErrors(manager.start(file, where))),
    remove,
    again: (upload, file) => {
      // encrypted again, the file would be another one
      if (upload.state === "waiting_for_file" && !where.sealedBy) return void ignoringErrors(manager.resume(upload.clientId, file));
      void remove(upload);
      void ignoringErrors(manager.start(file, where));
    },
    clear: () => uploads.forEach((each) => each.state === "ready" && manager.dismiss(each.clientId)),
  };
}

/** Handlers for an element onto which files can be dropped, and what to show in it while some are above it. */
export function useFileDrop(add: Tray["add"]) {
  const { t } = useLanguage();
  const [dragging, setDragging] = useState(false);
  const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes("Files"); // a text goes where the browser puts it
  return {
    zone: {
      onDragEnter: (event: DragEvent) => hasFiles(event) && setDragging(true),
      onDragOver: (event: DragEvent) => hasFiles(event) && event.preventDefault(),
      onDragLeave: (event: DragEvent) => !event.currentTarget.contains(event.relatedTarget as Node | null) && setDragging(false),
      onDrop: (event: DragEvent) => {
        if (!hasFiles(event)) return;
        event.preventDefault();
        setDragging(false);
        add(event.dataTransfer.files);
      },
    },
    hint: dragging && (
      <p className="dropping">
        <Upload aria-hidden /> {t("files.drop")}
      </p>
    ),
  };
}

export function FileTray({ tray }: { tray: Tray }) {
  if (tray.uploads.length === 0) return null;
  return (
    <ul className="tray">
      {tray.uploads.map((each) => (
        <UploadRow key={each.clientId} upload={each} tray={tray} />
      ))}
    </ul>
  );
}

/** An upload as a row of a list: its progress, its error, and its actions. */
export function UploadRow({ upload, tray }: { upload: UploadState; tray: Tray }) {
  const { t, locale } = useLanguage();
  const picker = useRef<HTMLInputElement>(null);
  const { name, state, error } = upload;
  const waits = state === "waiting_for_file";
  const choose = () => picker.current?.click();
  return (
    <li className="row">
      <span className="grow cut" dir="auto">
        {name} <small>{sizeOf(upload.size, locale)}</small>
      </span>
      {(IN_PROGRESS.has(state) || (waits && upload.sentBytes > 0)) && <progress max={upload.size || 1} value={upload.sentBytes} aria-label={name} />}
      {state === "processing" && <small>{t("files.checking")}</small>}
      {(state === "failed" || waits) && error && !(error instanceof UploadCancelled) && (
        <span role="alert" className="problem">
          {errorText(error, t)}
        </span>
      )}
      {waits && (
        <>
          <span role="status">{t("files.choose_again")}</span>
          <button onClick={choose} aria-label={t("files.choose_it", { name })}>
            {t("files.choose")}
          </button>
        </>
      )}
      {state === "failed" && (
        <button className="icon" aria-label={t("files.again", { name })} onClick={choose}>
          <RotateCcw aria-hidden />
        </button>
      )}
      <button className="icon" aria-label={t("files.remove", { name })} onClick={() => void tray.remove(upload)}>
        <X aria-hidden />
      </button>
      <FileInput ref={picker} hidden onFiles={([file]) => tray.again(upload, file)} />
    </li>
  );
}
