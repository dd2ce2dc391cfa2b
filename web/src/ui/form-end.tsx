import { useTranslations } from "../i18n";

/** A form's buttons: submit and cancel. */
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
