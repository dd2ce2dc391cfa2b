/** Renames a file or folder, or moves it to another folder. */
import { useQueryClient } from "@tanstack/react-query";
import { ArrowUp, Folder } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useTranslations } from "../../i18n";
import { useAttempt, useEngine } from "../hooks";
import { Done, Field, Section, More, usePages } from "../kit";
import { Problem } from "../problem";
import type { Shown } from "./index";

export function Moving({ entry }: { entry: Shown }) {
  const t = useTranslations();
  const { api } = useEngine();
  const queries = useQueryClient();
  const { attempt, problem } = useAttempt();
  const [done, setDone] = useState("");
  const [path, setPath] = useState<readonly { id: string; name: string }[]>([{ id: "root", name: t("drive.title") }]);
  const here = path.at(-1)!;
  const folders = usePages(["folder", here.id, "name"], (query) => api.get("/drive/folders/{folder_id}/children", { path: { folder_id: here.id }, query }));

  async function change(name: string | undefined, parent: string | null | undefined) {
    const named = name === undefined ? {} : { name };
    const well = await attempt(() =>
      entry.kind === "folder"
        ? api.patch("/drive/folders/{folder_id}", { path: { folder_id: entry.id }, body: { ...named, ...(parent === undefined ? {} : { parent_id: parent }) } })
        : api.patch("/drive/files/{file_id}", { path: { file_id: entry.id }, body: { ...named, ...(parent === undefined ? {} : { folder_id: parent }) } }),
    );
    setDone(well ? t("drive.moved") : "");
    for (const key of ["folder", "drive-search", "shared"]) await queries.invalidateQueries({ queryKey: [key] });
  }
  const rename = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    void change(String(new FormData(event.currentTarget).get("name")).trim(), undefined);
  };
  return (
    <>
      <form className="form" onSubmit={rename}>
        <Field label={t("drive.name")} name="name" defaultValue={entry.name} required maxLength={255} dir="auto" />
        <p className="row">
          <button className="primary">{t("drive.rename")}</button>
        </p>
      </form>
      <Section title={t("drive.move_into", { name: here.name })}>
        <ul className="rows">
          {path.length > 1 && (
            <li>
              <button className="entry" onClick={() => setPath(path.slice(0, -1))}>
                <ArrowUp aria-hidden /> {t("nav.back")}
              </button>
            </li>
          )}
          {folders.items.filter((each) => each.kind === "folder" && each.id !== entry.id).map((each) => (
            <li key={each.id}>
              <button className="entry" onClick={() => setPath([...path, { id: each.id, name: each.name }])}>
                <Folder aria-hidden />
                <span dir="auto">{t("drive.look_into", { name: each.name })}</span>
              </button>
            </li>
          ))}
        </ul>
        {folders.hasMore && <More of={folders} />}
        <p className="row">
          <button onClick={() => void change(undefined, here.id === "root" ? null : here.id)}>{t("drive.move_here")}</button>
          <Done text={done} />
        </p>
      </Section>
      <Problem text={problem} />
    </>
  );
}
