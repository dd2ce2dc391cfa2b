/** The actions for a file or folder of the drive: shares, links, versions, renaming, moving. */
import { useState } from "react";
import { useTranslations } from "../../i18n";
import { type Part, Parts } from "../parts";
import { Sheet } from "../sheet";
import { Links } from "./links";
import { Moving } from "./moving";
import { Shares } from "./shares";
import { Versions } from "./versions";

export interface Shown {
  readonly id: string;
  readonly name: string;
  readonly kind: "file" | "folder";
}

const ofFiles = (entry: Shown): Part[] => [
  ["links", "group.invitations", <Links fileId={entry.id} />],
  ["versions", "drive.versions", <Versions entry={entry} />],
];

export default function FileSheet({ entry, onClose }: { entry: Shown; onClose: () => void }) {
  const t = useTranslations();
  const [tab, setTab] = useState("shares");
  return (
    <Sheet title={entry.name} onClose={onClose}>
      <Parts
        label={entry.name}
        parts={[
          ["shares", "drive.shares", <Shares entry={entry} />],
          ...(entry.kind === "file" ? ofFiles(entry) : []),
          ["moving", "drive.place", <Moving entry={entry} />],
        ]}
        chosen={tab}
        onChoose={setTab}
      />
      <p className="row">
        <button onClick={onClose}>{t("nav.close")}</button>
      </p>
    </Sheet>
  );
}
