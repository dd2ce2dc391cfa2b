/** What one may do with a file or folder of the drive: share it with people, make links, go back to a version. */
import { useState } from "react";
import { useTranslations } from "../../i18n";
import { Parts } from "../parts";
import { Sheet } from "../sheet";
import { Links } from "./links";
import { Shares } from "./shares";
import { Versions } from "./versions";

export interface Shown {
  readonly id: string;
  readonly name: string;
  readonly kind: "file" | "folder";
}

export default function FileSheet({ entry, onClose }: { entry: Shown; onClose: () => void }) {
  const t = useTranslations();
  const [tab, setTab] = useState("shares");
  return (
    <Sheet title={entry.name} onClose={onClose}>
      {entry.kind === "folder" ? (
        <Shares entry={entry} />
      ) : (
        <Parts
          label={entry.name}
          parts={[
            ["shares", "drive.shares", <Shares entry={entry} />],
            ["links", "group.invitations", <Links fileId={entry.id} />],
            ["versions", "drive.versions", <Versions fileId={entry.id} />],
          ]}
          chosen={tab}
          onChoose={setTab}
        />
      )}
      <p className="row">
        <button onClick={onClose}>{t("nav.close")}</button>
      </p>
    </Sheet>
  );
}
