/** What those who run the platform see and do: people, escalated reports, the audit log, figures. No content of messages. */
import type { ComponentType } from "react";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { type TextKey, useTranslations } from "../../i18n";
import { useEngine, useValue } from "../hooks";
import { Page, type ScreenProps } from "../panels";
import { openScreen } from "../places";
import { Audit } from "./audit";
import { Escalated } from "./escalated";
import { Figures } from "./figures";
import { People } from "./people";

const PARTS: readonly (readonly [string, TextKey, ComponentType])[] = [
  ["users", "admin.users", People],
  ["reports", "admin.reports", Escalated],
  ["audit", "admin.audit", Audit],
  ["stats", "admin.stats", Figures],
];

export default function Administration({ section, onClose }: ScreenProps) {
  const t = useTranslations();
  const me = useValue(useEngine().auth.me);
  const chosen = PARTS.some(([key]) => key === section) ? section! : "users";
  if (me?.role !== "admin") return <p className="empty">{t("error.not_found")}</p>;
  return (
    <Page title={t("nav.administration")} onClose={onClose}>
      <Tabs className="tabs" selectedKey={chosen} onSelectionChange={(key) => openScreen("administration", String(key))}>
        <TabList aria-label={t("nav.administration")} className="tablist">
          {PARTS.map(([key, text]) => (
            <Tab key={key} id={key} className="tab">
              {t(text)}
            </Tab>
          ))}
        </TabList>
        {PARTS.map(([key, , Part]) => (
          <TabPanel key={key} id={key} className="tabpanel">
            <Part />
          </TabPanel>
        ))}
      </Tabs>
    </Page>
  );
}
