/** The drive's trash: deleted entries can be restored or deleted for good. */
import { useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { dateOf, useAttempt, useEngine } from "../hooks";
import { More, Sure, usePages } from "../kit";
import { Page } from "../panels";
import { openScreen } from "../places";
import { Problem } from "../problem";

export default function Trash() {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const trash = usePages(["trash"], (query) => api.get("/drive/trash", { query }));
  type Entry = (typeof trash.items)[number];
  const refresh = async () => {
    for (const key of ["trash", "folder", "usage"]) await queries.invalidateQueries({ queryKey: [key] });
  };
  const restore = ({ id, kind }: Entry) =>
    void attempt(() =>
      kind === "folder"
        ? api.post("/drive/folders/{folder_id}/restore", { path: { folder_id: id } })
        : api.post("/drive/files/{file_id}/restore", { path: { file_id: id } }),
    ).then(refresh);
  const remove = async ({ id, kind }: Entry) => {
    const query = { permanent: "true" } as const;
    await (kind === "folder"
      ? api.delete("/drive/folders/{folder_id}", { path: { folder_id: id }, query })
      : api.delete("/drive/files/{file_id}", { path: { file_id: id }, query }));
    await refresh();
  };
  return (
    <Page title={t("drive.trash")} onClose={() => openScreen("drive")}>
      <Problem text={problem} />
      <ul className="rows">
        {trash.items.map((each) => (
          <li key={each.id} className="row wrap">
            <span className="grow" dir="auto">
              {each.name}
              <br />
              <small>{t("drive.gone_on", { day: dateOf(each.purged_at, locale) })}</small>
            </span>
            <button aria-label={t("drive.restore_named", { name: each.name })} onClick={() => restore(each)}>
              {t("drive.restore")}
            </button>
            <Sure label={t("drive.purge")} ariaLabel={t("drive.purge_named", { name: each.name })} text={t("drive.purge_text")} onSure={() => remove(each)} />
          </li>
        ))}
      </ul>
      <More of={trash} />
    </Page>
  );
}
