/** A person's settings in parts: `#/settings/PART`. */
import { useTranslations } from "../../i18n";
import { Page, type ScreenProps } from "../panels";
import { type Part, Parts } from "../parts";
import { openScreen } from "../places";
import { AccountPart } from "./account";
import { LookPart } from "./look";
import { NotificationsPart } from "./notifications";
import { PrivacyPart } from "./privacy";
import { ProfilePart } from "./profile";
import { SecurityPart } from "./security";
import { SessionsPart } from "./sessions";

const PARTS: readonly Part[] = [
  ["profile", "settings.profile", <ProfilePart />],
  ["security", "settings.security", <SecurityPart />],
  ["sessions", "settings.sessions", <SessionsPart />],
  ["notifications", "settings.notifications", <NotificationsPart />],
  ["privacy", "settings.privacy", <PrivacyPart />],
  ["look", "settings.look", <LookPart />],
  ["account", "settings.account", <AccountPart />],
];

export default function Settings({ section, onClose }: ScreenProps) {
  const t = useTranslations();
  return (
    <Page title={t("settings.title")} onClose={onClose}>
      <Parts label={t("settings.title")} parts={PARTS} chosen={section} onChoose={(key) => openScreen("settings", key)} />
    </Page>
  );
}
