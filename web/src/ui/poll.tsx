/** Polls: asking one, voting in it, and its results as far as they are shown. */
import { type FormEvent, useState } from "react";
import type { Poll } from "../engine";
import { useTranslations } from "../i18n";
import { useAttempt, useEngine, useMyId } from "./hooks";
import { Problem } from "./problem";

export function PollCard({ poll }: { poll: Poll }) {
  const t = useTranslations();
  const engine = useEngine();
  const me = useMyId();
  const { attempt, problem } = useAttempt();
  const closed = poll.state === "closed";
  const most = Math.max(1, poll.total_voters ?? 0);

  function chosen(optionId: string): readonly string[] {
    const mine = poll.my_votes;
    if (mine.includes(optionId)) return mine.filter((each) => each !== optionId);
    return poll.multiple ? [...mine, optionId] : [optionId];
  }
  const choose = (optionId: string) => {
    const next = chosen(optionId);
    const retract = () => engine.api.delete("/polls/{poll_id}/vote", { path: { poll_id: poll.id } });
    void attempt(() => (next.length > 0 ? engine.commands.vote(poll, next) : retract()));
  };

  return (
    <fieldset className="poll" disabled={closed}>
      <legend dir="auto">{poll.question}</legend>
      {poll.options.map((option) => (
        <label key={option.id} className="option">
          <input
            type={poll.multiple ? "checkbox" : "radio"}
            name={poll.id}
            checked={poll.my_votes.includes(option.id)}
            onChange={() => choose(option.id)}
          />
          <span className="grow" dir="auto">
            {option.text}
          </span>
          {option.votes !== null && (
            <>
              <meter min={0} max={most} value={option.votes} aria-hidden />
              <span>{t("poll.votes", { count: option.votes })}</span>
            </>
          )}
        </label>
      ))}
      <p className="row">
        <small className="grow">{closed ? t("poll.closed") : poll.anonymous ? t("poll.anonymous") : ""}</small>
        {!closed && poll.creator_id === me && (
          <button
            type="button"
            className="quiet"
            onClick={() => void attempt(() => engine.api.post("/polls/{poll_id}/close", { path: { poll_id: poll.id } }))}
          >
            {t("poll.close")}
          </button>
        )}
      </p>
      <Problem text={problem} />
    </fieldset>
  );
}

export function NewPoll({ conversationId, onDone }: { conversationId: string; onDone: () => void }) {
  const t = useTranslations();
  const { api } = useEngine();
  const [clientId] = useState(() => crypto.randomUUID());
  const [options, setOptions] = useState(["", ""]);
  const { attempt, problem } = useAttempt();

  function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    void attempt(async () => {
      await api.post("/conversations/{conversation_id}/polls", {
        path: { conversation_id: conversationId },
        body: {
          client_id: clientId,
          question: String(given.get("question")).trim(),
          options: options.map((each) => each.trim()).filter(Boolean),
          multiple: given.has("multiple"),
          anonymous: given.has("anonymous"),
        },
      });
      onDone();
    });
  }

  return (
    <form className="card" onSubmit={ask}>
      <label className="field">
        <span>{t("poll.question")}</span>
        <input name="question" required maxLength={500} autoFocus />
      </label>
      {options.map((option, at) => (
        <label className="field" key={at}>
          <span>{t("poll.option", { number: at + 1 })}</span>
          <input
            value={option}
            maxLength={200}
            required={at < 2}
            onChange={(event) => {
              const next = options.map((each, other) => (other === at ? event.target.value : each));
              setOptions(next.at(-1) !== "" && next.length < 20 ? [...next, ""] : next);
            }}
          />
        </label>
      ))}
      <label>
        <input type="checkbox" name="multiple" /> {t("poll.multiple")}
      </label>
      <label>
        <input type="checkbox" name="anonymous" /> {t("poll.make_anonymous")}
      </label>
      <Problem text={problem} />
      <p className="row">
        <button className="primary">{t("poll.ask")}</button>
        <button type="button" className="quiet" onClick={onDone}>
          {t("nav.cancel")}
        </button>
      </p>
    </form>
  );
}
