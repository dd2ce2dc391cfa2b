/** Uploads for the next message: in progress, ready or failed, including those started before a reload. */
import { RotateCcw, Upload, X } from "lucide-react";
import { type DragEvent, useRef, useState } from "react";
import { type DriveFile, UploadCancelled, type UploadState, type Uploads } from "../../engine";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";
import { ExplainedError, errorText, useAttempt, useEngine, useValue } from "../hooks";
import { Problem } from "../problem";

const MAX_FILES = 10;
/** More than this has been tried in no browser. */
const MAX_SEALED_BYTES = 2 ** 30;
const IN_PROGRESS: ReadonlySet<UploadState["state"]> = new Set(["hashing", "uploading", "processing"]);

export interface Tray {
  readonly uploads: readonly UploadState[];
  /** The files that are ready to be sent. */
  readonly files: readonly DriveFile[];
  readonly busy: boolean;
  /** Why a file could not be added. */
  readonly problem?: string;
  add(files: Iterable<File>): void;
  /** Resolves when the service has freed the room of an upload that had not ended. */
  remove(upload: UploadState): Promise<void>;
  again(upload: UploadState, file: File): void;
  clear(): void;
}

type Where = Parameters<Uploads["start"]>[1];

/** The files for the next message, encrypted in an encrypted conversation. Voice messages are sent without the tray. */
export function useTray(conversationId: string, enabled: boolean): Tray {
  const { conversations, endToEnd, uploads } = useEngine();
  const { attempt, problem } = useAttempt();
  const [sealing, setSealing] = useState<readonly (UploadState & { stop: AbortController })[]>([]);
  const tray = useUploads((each) => enabled && each.conversationId === conversationId && !each.clientId.startsWith("voice-"), { conversationId }, MAX_FILES);
  if (!conversations.of(conversationId)?.settings.encrypted) return tray;
  const before = sealing.filter((each) => each.conversationId === conversationId);
  const seal = async (file: File) => {
    if (file.size > MAX_SEALED_BYTES) throw new ExplainedError("e2e.file_too_large");
    const [clientId, stop] = [crypto.randomUUID(), new AbortController()];
    const row = { clientId, name: file.name, size: file.size, contentType: file.type, conversationId, folderId: null, state: "hashing", sentBytes: 0, file: null, error: null, stop } as const;
    setSealing((rows) => [...rows, row]);
    const onProgress = (sentBytes: number) => setSealing((rows) => rows.map((each) => (each.clientId === clientId ? { ...each, sentBytes } : each)));
    try {
      const blob = await endToEnd.sealFile(clientId, file, { signal: stop.signal, onProgress });
      // an error shows in the upload's own row
      void uploads.start(blob, { name: "encrypted", contentType: blob.type, conversationId, clientId }).catch(() => undefined);
    } catch (error) {
      if (!stop.signal.aborted) throw error;
    } finally {
      setSealing((rows) => rows.filter((each) => each.clientId !== clientId));
    }
  };
  const add = (given: Iterable<File>) => void attempt(() => Promise.all([...given].slice(0, MAX_FILES - tray.uploads.length - before.length).map(seal)));
  return {
    ...tray,
    problem,
    uploads: [...tray.uploads.map((each) => ({ ...each, name: endToEnd.nameOfUpload(each.clientId) ?? each.name })), ...before],
    busy: tray.busy || before.length > 0,
    add,
    remove: async (upload) => {
      const its = before.find((each) => each.clientId === upload.clientId);
      if (its) its.stop.abort();
      else await tray.remove(upload);
    },
    again: (upload, file) => {
      void tray.remove(upload);
      add([file]);
    },
  };
}

/** The uploads for which `belongs` holds; new ones are uploaded to `where`, up to `most` in all. */
export function useUploads(belongs: (upload: UploadState) => boolean, where: Where, most = Infinity): Tray {
  const { uploads: manager } = useEngine();
  const uploads = useValue(manager.items).filter((each) => each.state !== "cancelled" && belongs(each));
  const files = uploads.flatMap((each) => (each.state === "ready" && each.file ? [each.file] : []));
  // an error shows in the upload's own row
  const ignoringErrors = async (work: Promise<unknown>) => void (await work.catch(() => undefined));
  return {
    uploads,
    files: files.slice(0, most),
    busy: uploads.some((each) => IN_PROGRESS.has(each.state)),
    add: (given) => [...given].slice(0, most - uploads.length).forEach((file) => void ignoringErrors(manager.start(file, where))),
    remove: async (upload) => {
      const open = IN_PROGRESS.has(upload.state) || upload.state === "waiting_for_file";
      const freed = open && ignoringErrors(manager.cancel(upload.clientId));
      manager.dismiss(upload.clientId);
      await freed;
    },
    again: (upload, file) => {
      if (upload.state === "waiting_for_file") return void ignoringErrors(manager.resume(upload.clientId, file));
      manager.dismiss(upload.clientId);
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
  if (tray.uploads.length === 0) return <Problem text={tray.problem ?? ""} />;
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
      <input
        ref={picker}
        type="file"
        hidden
        data-again
        onChange={(event) => {
          const [file] = event.target.files ?? [];
          if (file) tray.again(upload, file);
          event.target.value = "";
        }}
      />
    </li>
  );
}
