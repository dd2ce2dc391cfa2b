/** A person's settings, one part at a time: `#/settings/PART`. */
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import type { ComponentType } from "react";
import { type TextKey, useTranslations } from "../../i18n";
import { Page, type ScreenProps } from "../panels";
import { openScreen } from "../places";
import { AccountPart } from "./account";
import { LookPart } from "./look";
import { NotificationsPart } from "./notifications";
import { PrivacyPart } from "./privacy";
import { ProfilePart } from "./profile";
import { SecurityPart } from "./security";
import { SessionsPart } from "./sessions";

const PARTS: readonly (readonly [string, TextKey, ComponentType])[] = [
  ["profile", "settings.profile", ProfilePart],
  ["security", "settings.security", SecurityPart],
  ["sessions", "settings.sessions", SessionsPart],
  ["notifications", "settings.notifications", NotificationsPart],
  ["privacy", "settings.privacy", PrivacyPart],
  ["look", "settings.look", LookPart],
  ["account", "settings.account", AccountPart],
];

export default function Settings({ section, onClose }: ScreenProps) {
  const t = useTranslations();
  const chosen = PARTS.some(([key]) => key === section) ? section! : "profile";
  return (
    <Page title={t("settings.title")} onClose={onClose}>
      <Tabs className="tabs" selectedKey={chosen} onSelectionChange={(key) => openScreen("settings", String(key))}>
        <TabList aria-label={t("settings.title")} className="tablist">
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
