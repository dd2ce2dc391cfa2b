/** Folders and files of the drive, as rows or tiles. */
import { FileText, Folder, type LucideIcon } from "lucide-react";
import type { ReactNode } from "react";
import type { Schemas } from "../../engine";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";

export type Entry = Schemas["EntryList"]["items"][number] | Schemas["SharedList"]["items"][number];
export type FileEntry = Extract<Entry, { kind: "file" }>;

interface EntriesProps {
  readonly items: readonly Entry[];
  /** Rows above the entries: uploads to this folder. */
  readonly before?: ReactNode;
  readonly pictured: boolean;
  readonly onOpen: (entry: Entry) => void;
  /** Further buttons of an entry. */
  readonly actions: (entry: Entry) => ReactNode;
}

export function Entries({ items, before, pictured, onOpen, actions }: EntriesProps) {
  const { locale } = useLanguage();
  return (
    <ul className={pictured ? "list tiles" : "list"}>
      {before}
      {items.map((each) => (
        <li key={each.id} className={pictured ? "tile" : "row"}>
          <button className="entry grow" onClick={() => onOpen(each)}>
            <Look entry={each} pictured={pictured} />
            <span className="grow cut" dir="auto">
              {each.name}
            </span>
            {each.kind === "file" && <small>{sizeOf(each.size, locale)}</small>}
          </button>
          <span className="row">{actions(each)}</span>
        </li>
      ))}
    </ul>
  );
}

function Look({ entry, pictured }: { entry: Entry; pictured: boolean }) {
  const Icon: LucideIcon = entry.kind === "folder" ? Folder : FileText;
  if (pictured && entry.kind === "file" && entry.thumbnail_url) return <img src={entry.thumbnail_url} alt="" loading="lazy" decoding="async" />;
  return <Icon aria-hidden className="look" />;
}
