import { useTranslations } from "../i18n";

/** How a form ends: with the button that sends it, and the one that leaves it. */
export function FormEnd({ go, danger = false, onCancel }: { go: string; danger?: boolean; onCancel: () => void }) {
  const t = useTranslations();
  return (
    <p className="row">
      <button className={danger ? "danger" : "primary"}>{go}</button>
      <button type="button" className="quiet" onClick={onCancel}>
        {t("nav.cancel")}
      </button>
    </p>
  );
}
