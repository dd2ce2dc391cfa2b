/** The people with whom a file or folder is shared, and their rights. */
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import type { BodyOf } from "../../engine";
import { useTranslations } from "../../i18n";
import { errorText, useAttempt, useEngine, useMyId } from "../hooks";
import { Choice, Field } from "../kit";
import { useFoundPeople } from "../people";
import { Problem } from "../problem";
import type { Shown } from "./index";
import { Username } from "../username";

type NewShare = BodyOf<"post", "/drive/files/{file_id}/shares">;

export function Shares({ entry }: { entry: Shown }) {
  const t = useTranslations();
  const { api } = useEngine();
  const me = useMyId();
  const queries = useQueryClient();
  const [typed, setTyped] = useState("");
  const [role, setRole] = useState<NewShare["role"]>("viewer");
  const { attempt, problem } = useAttempt();
  const { found } = useFoundPeople(typed, 5);
  const key = ["shares", entry.id];
  const folder = entry.kind === "folder";
  const { data, error } = useQuery({
    queryKey: key,
    queryFn: () =>
      folder
        ? api.get("/drive/folders/{folder_id}/shares", { path: { folder_id: entry.id }, query: { limit: 100 } })
        : api.get("/drive/files/{file_id}/shares", { path: { file_id: entry.id }, query: { limit: 100 } }),
  });
  const change = (doing: () => Promise<unknown>) => void attempt(doing).then(() => queries.invalidateQueries({ queryKey: key }));
  const share = (user_id: string) => {
    const body: NewShare = { user_id, role };
    setTyped("");
    change(() =>
      folder
        ? api.post("/drive/folders/{folder_id}/shares", { path: { folder_id: entry.id }, body })
        : api.post("/drive/files/{file_id}/shares", { path: { file_id: entry.id }, body }),
    );
  };
  const end = (share_id: string) =>
    change(() =>
      folder
        ? api.delete("/drive/folders/{folder_id}/shares/{share_id}", { path: { folder_id: entry.id, share_id } })
        : api.delete("/drive/files/{file_id}/shares/{share_id}", { path: { file_id: entry.id, share_id } }),
    );
  const roles = { viewer: t("drive.viewer"), editor: t("drive.editor") };
  return (
    <>
      <ul className="rows">
        {data?.items.map((each) => {
          const name = each.user?.display_name ?? t("drive.a_conversation");
          return (
            <li key={each.id} className="row">
              <span className="grow" dir="auto">
                {name} <small>{roles[each.role]}</small>
              </span>
              <button aria-label={t("drive.unshare_named", { name })} onClick={() => end(each.id)}>
                {t("drive.unshare")}
              </button>
            </li>
          );
        })}
      </ul>
      {data?.items.length === 0 && <p className="hint">{t("drive.not_shared")}</p>}
      <Problem text={problem || (error ? errorText(error, t) : "")} />
      <Choice
        label={t("drive.role")}
        value={role}
        options={[
          ["viewer", roles.viewer],
          ["editor", roles.editor],
        ]}
        onChoose={setRole}
      />
      <Field label={t("new.search")} value={typed} onChange={(event) => setTyped(event.target.value)} />
      <ul className="rows">
        {found
          .filter((each) => each.id !== me)
          .map((each) => (
            <li key={each.id}>
              <button className="entry" onClick={() => share(each.id)}>
                <span dir="auto">{t("drive.share_with", { name: each.display_name })}</span> <Username of={each} />
              </button>
            </li>
          ))}
      </ul>
    </>
  );
}
