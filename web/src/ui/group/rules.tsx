/** A group's name, description and rules, and its deletion. */
import { type FormEvent, useState } from "react";
import type { BodyOf, Conversation } from "../../engine";
import { type TextKey, useTranslations } from "../../i18n";
import { useChanges, useEngine } from "../hooks";
import { Area, Choice, Done, Field, Section, Sure, Toggle } from "../kit";
import { goHome } from "../places";
import { Problem } from "../problem";
import type { PartProps } from "./index";

type Changes = BodyOf<"patch", "/conversations/{conversation_id}">;
type Rights = "who_can_send" | "who_can_add" | "who_can_create_polls" | "who_can_pin";
const RIGHTS: readonly (readonly [Rights, TextKey])[] = [
  ["who_can_send", "group.who_can_send"],
  ["who_can_add", "group.who_can_add"],
  ["who_can_create_polls", "group.who_can_create_polls"],
  ["who_can_pin", "group.who_can_pin"],
];
const SLOW: readonly (readonly [number, TextKey])[] = [
  [0, "group.off"],
  [10, "group.seconds_10"],
  [60, "group.minute"],
  [300, "group.minutes_5"],
  [3600, "group.hour"],
];
const GONE: readonly (readonly [number, TextKey])[] = [
  [0, "group.off"],
  [3600, "group.hour"],
  [86_400, "group.day"],
  [604_800, "group.week"],
  [2_592_000, "group.month"],
];

export function Rules({ conversation }: PartProps) {
  const t = useTranslations();
  const engine = useEngine();
  const { inOrder, problem } = useChanges();
  const [done, setDone] = useState("");
  const path = { conversation_id: conversation.id };
  const { settings } = conversation;
  const change = (body: Changes) => {
    setDone("");
    void inOrder(async () => engine.conversations.put(await engine.api.patch("/conversations/{conversation_id}", { path, body }))).then(
      (well) => well && setDone(t("settings.saved")),
    );
  };
  const set = (changed: Partial<Conversation["settings"]>) => change({ settings: changed });
  const save = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const text = (name: string) => String(given.get(name)).trim() || null;
    change({ name: text("name"), description: text("description") });
  };
  const encrypt = async () => {
    engine.conversations.put(await engine.api.patch("/conversations/{conversation_id}", { path, body: { settings: { encrypted: true } } }));
    await engine.endToEnd.begin(conversation.id);
  };
  const remove = async () => {
    await engine.api.delete("/conversations/{conversation_id}", { path });
    goHome();
  };
  return (
    <>
      <Section title={t("group.about")}>
        <form className="form" onSubmit={save}>
          <Field label={t("new.group_name")} name="name" defaultValue={conversation.name ?? ""} required maxLength={100} dir="auto" />
          <Area label={t("group.description")} name="description" defaultValue={conversation.description ?? ""} maxLength={500} dir="auto" />
          <p className="row">
            <button className="primary">{t("settings.save")}</button>
          </p>
        </form>
      </Section>
      <Problem text={problem} />
      <Done text={done} />
      <Section title={t("group.rules")}>
        {RIGHTS.map(([key, text]) => (
          <Choice
            key={key}
            label={t(text)}
            value={settings[key]}
            options={[
              ["all", t("group.all")],
              ["admins", t("group.admins")],
            ]}
            onChoose={(who) => set({ [key]: who })}
          />
        ))}
        <Choice
          label={t("group.slow")}
          value={String(settings.slow_mode_seconds)}
          options={steps(SLOW, settings.slow_mode_seconds).map(([seconds, text]) => [String(seconds), text ? t(text) : t("group.seconds", { count: seconds })] as const)}
          onChoose={(seconds) => set({ slow_mode_seconds: Number(seconds) })}
        />
        <Choice
          label={t("group.disappearing")}
          value={String(settings.disappearing_seconds ?? 0)}
          options={steps(GONE, settings.disappearing_seconds ?? 0).map(([seconds, text]) => [String(seconds), text ? t(text) : t("group.seconds", { count: seconds })] as const)}
          onChoose={(seconds) => set({ disappearing_seconds: Number(seconds) || null })}
        />
        <Toggle label={t("group.history_visible")} on={settings.history_visible} onChange={(history_visible) => set({ history_visible })} />
        {!settings.encrypted && <Toggle label={t("group.ai")} on={settings.ai_enabled} onChange={(ai_enabled) => set({ ai_enabled })} />}
      </Section>
      {!settings.encrypted && (
        <Section title={t("e2e.title")} hint={t("e2e.encrypt_hint")}>
          <p className="row">
            <Sure label={t("e2e.encrypt")} text={t("e2e.encrypt_sure")} onSure={encrypt} />
          </p>
        </Section>
      )}
      {conversation.role === "owner" && (
        <Section title={t("group.delete")}>
          <p className="row">
            <Sure label={t("group.delete")} text={t("group.delete_text")} onSure={remove} />
          </p>
        </Section>
      )}
    </>
  );
}

/** The offered values, and the present one if another client has set a different value. */
function steps(known: readonly (readonly [number, TextKey])[], now: number): readonly (readonly [number, TextKey | null])[] {
  return known.some(([seconds]) => seconds === now) ? known : [...known, [now, null] as const];
}
