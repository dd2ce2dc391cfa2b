/** Finding people and creating a direct conversation or a group. */
import { ArrowLeft } from "lucide-react";
import { useState } from "react";
import type { PublicProfile } from "../engine";
import { useTranslations } from "../i18n";
import { useAttempt, useEngine, useMyId } from "./hooks";
import { Toggle } from "./kit";
import type { ScreenProps } from "./panels";
import { openConversation } from "./places";
import { useFoundPeople } from "./people";
import { Problem } from "./problem";
import { RelationButtons, useRelations } from "./relations";
import { Username } from "./username";

export default function NewConversation({ onClose }: ScreenProps) {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const [typed, setTyped] = useState("");
  const [name, setName] = useState("");
  const [chosen, setChosen] = useState<readonly PublicProfile[]>([]);
  const [encrypted, setEncrypted] = useState(false);
  const { attempt, problem } = useAttempt();
  const { q, found } = useFoundPeople(typed);
  const relations = useRelations();
  const offered = q ? found.filter((each) => each.id !== me) : relations.people("accepted");

  const make = () =>
    attempt(async () => {
      const member_ids = chosen.map((each) => each.id);
      const group = chosen.length > 1 || name.trim() !== "";
      const settings = encrypted ? { encrypted } : {};
      let made = await engine.api.post("/conversations", {
        body: group
          ? { type: "group", member_ids, settings, name: name.trim() || chosen.map((each) => each.display_name).join(", ").slice(0, 100) }
          : { type: "direct", member_ids, settings },
      });
      if (encrypted && !made.settings.encrypted) {
        // their existing direct conversation was not encrypted
        made = await engine.api.patch("/conversations/{conversation_id}", { path: { conversation_id: made.id }, body: { settings } });
      }
      engine.conversations.put(made);
      if (encrypted) await engine.endToEnd.begin(made.id);
      openConversation(made.id);
    });

  return (
    <section className="page">
      <header className="bar">
        <button className="icon" aria-label={t("nav.back")} onClick={onClose}>
          <ArrowLeft aria-hidden className="flip" />
        </button>
        <h2 className="grow">{t("nav.new")}</h2>
        <button className="primary" disabled={chosen.length === 0} onClick={() => void make()}>
          {t("new.begin")}
        </button>
      </header>
      <label className="field">
        <span>{t("new.search")}</span>
        <input value={typed} onChange={(event) => setTyped(event.target.value)} autoFocus />
      </label>
      <div className="field">
        <Toggle label={t("e2e.encrypt_new")} on={encrypted} onChange={setEncrypted} />
        {encrypted && <p className="hint">{t("e2e.encrypt_hint")}</p>}
      </div>
      <Problem text={problem} />
      <ul className="list">
        {[...chosen, ...offered.filter((each) => !chosen.some((other) => other.id === each.id))].map((each) => {
          const picked = chosen.some((other) => other.id === each.id);
          return (
            <li key={each.id} className="row">
              <label className="entry">
                <input
                  type="checkbox"
                  checked={picked}
                  onChange={() => setChosen(picked ? chosen.filter((other) => other.id !== each.id) : [...chosen, each])}
                />
                <span className="grow" dir="auto">
                  {each.display_name} <Username of={each} />
                </span>
              </label>
              <RelationButtons user={each} relations={relations} brief />
            </li>
          );
        })}
      </ul>
      {chosen.length > 1 && (
        <label className="field">
          <span>{t("new.group_name")}</span>
          <input value={name} maxLength={100} onChange={(event) => setName(event.target.value)} />
        </label>
      )}
    </section>
  );
}
