/** Administration for platform admins: people, escalated reports, the audit log, statistics. */
import { useTranslations } from "../../i18n";
import { useEngine, useValue } from "../hooks";
import { Page, type ScreenProps } from "../panels";
import { type Part, Parts } from "../parts";
import { openScreen } from "../places";
import { Audit } from "./audit";
import { Escalated } from "./escalated";
import { Figures } from "./figures";
import { People } from "./people";

const PARTS: readonly Part[] = [
  ["users", "admin.users", <People />],
  ["reports", "admin.reports", <Escalated />],
  ["audit", "admin.audit", <Audit />],
  ["stats", "admin.stats", <Figures />],
];

export default function Administration({ section, onClose }: ScreenProps) {
  const t = useTranslations();
  const me = useValue(useEngine().auth.me);
  if (me?.role !== "admin") return <p className="empty">{t("error.not_found")}</p>;
  return (
    <Page title={t("nav.administration")} onClose={onClose}>
      <Parts label={t("nav.administration")} parts={PARTS} chosen={section} onChoose={(key) => openScreen("administration", key)} />
    </Page>
  );
}
