/** The versions of a file: restoring one, and uploading a new one. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useLanguage } from "../../i18n";
import { sizeOf } from "../attachments";
import { FileInput } from "../file-input";
import { errorText, momentOf, useAttempt, useEngine } from "../hooks";
import { Problem } from "../problem";
import type { Shown } from "./index";

export function Versions({ entry }: { entry: Shown }) {
  const { t, locale } = useLanguage();
  const { api, uploads } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const fileId = entry.id;
  const path = { file_id: fileId };
  const { data, error } = useQuery({ queryKey: ["versions", fileId], queryFn: () => api.get("/drive/files/{file_id}/versions", { path }) });
  const change = (doing: () => Promise<unknown>) =>
    void attempt(doing).then(async () => {
      for (const key of [["versions", fileId], ["address", fileId], ["folder"]]) await queries.invalidateQueries({ queryKey: key });
    });
  const restore = (version: number) =>
    change(() => api.post("/drive/files/{file_id}/versions/{version}/restore", { path: { ...path, version: String(version) } }));
  return (
    <>
      <Problem text={problem || (error ? errorText(error, t) : "")} />
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
      <p className="field">
        <label>
          {t("drive.new_version")}
          <FileInput onFiles={([file]) => change(() => uploads.start(file, { name: entry.name, replaces: fileId }))} />
        </label>
      </p>
    </>
  );
}
