/** What a file was before, and going back to it. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";
import { momentOf, told, useAttempt, useEngine } from "../hooks";
import { Problem } from "../problem";

export function Versions({ fileId }: { fileId: string }) {
  const { t, locale } = useLanguage();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const path = { file_id: fileId };
  const { data, error } = useQuery({ queryKey: ["versions", fileId], queryFn: () => api.get("/drive/files/{file_id}/versions", { path }) });
  const restore = (version: number) =>
    void attempt(() => api.post("/drive/files/{file_id}/versions/{version}/restore", { path: { ...path, version: String(version) } })).then(async () => {
      for (const key of [["versions", fileId], ["folder"]]) await queries.invalidateQueries({ queryKey: key });
    });
  return (
    <>
      <Problem text={problem || (error ? told(error, t) : "")} />
      <ul className="rows">
        {data?.items.map((each) => (
          <li key={each.version} className="row">
            <span className="grow">
              {t("drive.version", { number: each.version })} {each.current && <em>{t("drive.current")}</em>}
              <br />
              <small>
                {momentOf(each.created_at, locale)} · {sizeOf(each.size, locale)}
              </small>
            </span>
            {!each.current && <button onClick={() => restore(each.version)}>{t("drive.restore")}</button>}
          </li>
        ))}
      </ul>
    </>
  );
}
