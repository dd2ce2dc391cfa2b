/** What one may do with a file or folder of the drive: share it with people, make links, go back to a version. */
import { useState } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { useTranslations } from "../../i18n";
import { Sheet } from "../chat/dialog";
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
        <Tabs className="tabs" selectedKey={tab} onSelectionChange={(key) => setTab(String(key))}>
          <TabList aria-label={entry.name} className="tablist">
            <Tab id="shares" className="tab">
              {t("drive.shares")}
            </Tab>
            <Tab id="links" className="tab">
              {t("group.invitations")}
            </Tab>
            <Tab id="versions" className="tab">
              {t("drive.versions")}
            </Tab>
          </TabList>
          <TabPanel id="shares" className="tabpanel">
            <Shares entry={entry} />
          </TabPanel>
          <TabPanel id="links" className="tabpanel">
            <Links fileId={entry.id} />
          </TabPanel>
          <TabPanel id="versions" className="tabpanel">
            <Versions fileId={entry.id} />
          </TabPanel>
        </Tabs>
      )}
      <p className="row">
        <button onClick={onClose}>{t("nav.close")}</button>
      </p>
    </Sheet>
  );
}
