/** Contacts: finding people, requests in both directions, accepted contacts and blocked people. */
import { useEffect, useRef, useState } from "react";
import { useTranslations } from "../i18n";
import { useMyId } from "./hooks";
import { Field, Section } from "./kit";
import { Page, type ScreenProps } from "./panels";
import { useFoundPeople } from "./people";
import { Problem } from "./problem";
import { People, type Relations, useRelations } from "./relations";

const LISTS = [
  ["pending_in", "contacts.incoming"],
  ["accepted", "contacts.title"],
  ["pending_out", "contacts.outgoing"],
  ["blocked", "privacy.blocked"],
] as const;

export default function Contacts({ onClose }: ScreenProps) {
  const t = useTranslations();
  const me = useMyId();
  const theirs = useRelations();
  const pressed = useRef<Element | null>(null);
  const change: Relations["change"] = (doing) => {
    pressed.current = document.activeElement;
    return theirs.change(doing);
  };
  const relations = { ...theirs, change };
  const [typed, setTyped] = useState("");
  const { q, found, done } = useFoundPeople(typed);
  const others = found.filter((each) => each.id !== me);
  const lists = LISTS.map(([state, title]) => [title, relations.people(state)] as const).filter(([, people]) => people.length > 0);
  const box = useRef<HTMLDivElement>(null);
  const shown = lists.map(([title, people]) => title + people.map((each) => each.id)).join();
  useEffect(() => {
    // what was pressed here has removed its own row, which took the focus with it
    if (pressed.current?.isConnected !== false) return;
    pressed.current = null;
    if (document.activeElement === document.body) box.current?.querySelector("input")?.focus();
  }, [shown]);
  return (
    <Page title={t("contacts.title")} onClose={onClose}>
      <div ref={box}>
        <Field label={t("new.search")} type="search" value={typed} onChange={(event) => setTyped(event.target.value)} />
      </div>
      <Problem text={relations.problem} />
      {q ? (
        <People people={others} relations={relations} />
      ) : (
        lists.map(([title, people]) => (
          <Section key={title} title={t(title)}>
            <People people={people} relations={relations} />
          </Section>
        ))
      )}
      {(q ? done && others.length === 0 : relations.loaded && lists.length === 0) && <p className="empty">{t(q ? "palette.none" : "contacts.none")}</p>}
    </Page>
  );
}
