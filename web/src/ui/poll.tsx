/** Polls: creating one, voting, and the results as far as they are visible. */
import { Suspense, lazy, useEffect, useState, type FormEvent } from "react";
import type { Poll } from "../engine";
import { useLanguage, useTranslations } from "../i18n";
import { FormEnd } from "./form-end";
import { durationOf, momentOf, useAttempt, useChanges, useEngine, useMyId } from "./hooks";
import { Problem } from "./problem";

const Voters = lazy(() => import("./chat/voters"));
const COUNTDOWN_S = 86_400;

/** Seconds until a moment, updated every second; null if there is none. */
function useSecondsTo(moment: string | null): number | null {
  const [left, setLeft] = useState<number | null>(null);
  useEffect(() => {
    if (!moment) return setLeft(null);
    const count = () => setLeft(Math.max(0, Math.ceil((Date.parse(moment) - Date.now()) / 1000)));
    count();
    const timer = setInterval(count, 1_000);
    return () => clearInterval(timer);
  }, [moment]);
  return left;
}

export function PollCard({ poll }: { poll: Poll }) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const me = useMyId();
  const { attempt, inOrder, problem } = useChanges();
  const [listing, setListing] = useState(false);
  const left = useSecondsTo(poll.state === "open" ? poll.closes_at : null);
  const closed = poll.state === "closed" || left === 0;
  const final = !poll.allow_change && poll.my_votes.length > 0;
  const most = Math.max(1, poll.total_voters ?? 0);
  const path = { poll_id: poll.id };

  function chosen(optionId: string): readonly string[] {
    const mine = poll.my_votes;
    if (mine.includes(optionId)) return mine.filter((each) => each !== optionId);
    return poll.multiple ? [...mine, optionId].slice(-poll.max_choices) : [optionId];
  }
  const choose = (optionId: string) => {
    const next = chosen(optionId);
    void inOrder(() => engine.commands.vote(poll, next));
  };
  const add = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const text = String(new FormData(form).get("option")).trim();
    void attempt(async () => {
      await engine.api.post("/polls/{poll_id}/options", { path, body: { text } });
      form.reset();
    });
  };

  return (
    <fieldset className="poll" disabled={closed || !poll.id /* is not sent yet */}>
      <legend dir="auto">{poll.question}</legend>
      {poll.options.map((option) => (
        <label key={option.id} className="option">
          <input
            type={poll.multiple ? "checkbox" : "radio"}
            name={poll.id}
            disabled={final}
            checked={poll.my_votes.includes(option.id)}
            onChange={() => choose(option.id)}
            onClick={() => !poll.multiple && poll.my_votes.includes(option.id) && choose(option.id)}
          />
          <span className="grow" dir="auto">
            {option.text}
          </span>
          {option.votes !== null && <small>{t("poll.votes", { count: option.votes })}</small>}
          {option.votes !== null && (
            <span className="bar-of" aria-hidden>
              <span style={{ inlineSize: `${(100 * option.votes) / most}%` }} />
            </span>
          )}
        </label>
      ))}
      {poll.allow_add_options && !closed && poll.options.length < 20 && (
        <form className="row" onSubmit={add}>
          <input name="option" required maxLength={200} aria-label={t("poll.new_option")} placeholder={t("poll.new_option")} />
          <button>{t("poll.add")}</button>
        </form>
      )}
      <p className="row wrap">
        <small className="grow">
          {[
            closed ? t("poll.closed") : "",
            poll.anonymous ? t("poll.anonymous") : "",
            engine.endToEnd.changes(poll.message_id) ? t("poll.encrypted") : "",
            poll.total_voters === null ? t(poll.results === "after_vote" ? "poll.hidden_until_vote" : "poll.hidden_until_close") : t("poll.voters", { count: poll.total_voters }),
            !closed && left !== null ? (left < COUNTDOWN_S ? t("poll.ends_in", { time: durationOf(left, locale) }) : t("poll.ends_at", { time: momentOf(poll.closes_at ?? "", locale) })) : "",
            final ? t("poll.final") : "",
          ]
            .filter(Boolean)
            .join(" · ")}
        </small>
        {!closed && poll.creator_id === me && (
          <button type="button" className="quiet" onClick={() => void attempt(() => engine.commands.closePoll(poll))}>
            {t("poll.close")}
          </button>
        )}
      </p>
      {!poll.anonymous && poll.total_voters !== null && poll.total_voters > 0 && (
        <VotersButton onOpen={() => setListing(true)} />
      )}
      <Problem text={problem} />
      {listing && (
        <Suspense>
          <Voters poll={poll} onClose={() => setListing(false)} />
        </Suspense>
      )}
    </fieldset>
  );
}

/** A link in the role of a button, since a closed poll's fieldset disables real buttons. */
function VotersButton({ onOpen }: { onOpen: () => void }) {
  const t = useTranslations();
  return (
    <a
      role="button"
      tabIndex={0}
      onClick={onOpen}
      onKeyDown={(event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        onOpen();
      }}
    >
      {t("poll.who_voted")}
    </a>
  );
}

export function NewPoll({ conversationId, onDone }: { conversationId: string; onDone: () => void }) {
  const t = useTranslations();
  const { api, conversations, outbox } = useEngine();
  const encrypted = conversations.of(conversationId)?.settings.encrypted === true;
  const [clientId] = useState(() => crypto.randomUUID());
  const [options, setOptions] = useState(["", ""]);
  const [multiple, setMultiple] = useState(false);
  const { attempt, problem } = useAttempt();

  function ask(event: FormEvent<HTMLFormElement>) {
    event.preventDefault();
    const given = new FormData(event.currentTarget);
    const closes = String(given.get("closes_at") ?? "");
    const most = Number(given.get("max_choices") ?? 0);
    const question = String(given.get("question")).trim();
    const choices = options.map((each) => each.trim()).filter(Boolean);
    void attempt(async () => {
      if (encrypted) await outbox.send(conversationId, { text: question, metadata: { poll: { options: choices, multiple } } });
      else await api.post("/conversations/{conversation_id}/polls", {
        path: { conversation_id: conversationId },
        body: {
          client_id: clientId,
          question,
          options: choices,
          multiple,
          anonymous: given.has("anonymous"),
          allow_change: given.has("allow_change"),
          allow_add_options: given.has("allow_add_options"),
          results: String(given.get("results")) as Poll["results"],
          ...(closes ? { closes_at: new Date(closes).toISOString() } : {}),
          ...(multiple && most > 0 ? { max_choices: most } : {}),
        },
      });
      onDone();
    });
  }

  return (
    <form className="card new-poll" onSubmit={ask}>
      <label className="field">
        <span>{t("poll.question")}</span>
        <input name="question" required maxLength={500} autoFocus dir="auto" />
      </label>
      {options.map((option, at) => (
        <label className="field" key={at}>
          <span>{t("poll.option", { number: at + 1 })}</span>
          <input
            value={option}
            dir="auto"
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
        <input type="checkbox" checked={multiple} onChange={(event) => setMultiple(event.target.checked)} /> {t("poll.multiple")}
      </label>
      {encrypted && <p className="hint">{t("poll.encrypted_hint")}</p>}
      <details hidden={encrypted}>
        <summary>{t("poll.more")}</summary>
        <div className="form">
          {multiple && (
            <label className="field">
              <span>{t("poll.most")}</span>
              <input type="number" name="max_choices" min={1} max={Math.max(1, options.filter((each) => each.trim()).length)} />
            </label>
          )}
          <label>
            <input type="checkbox" name="anonymous" /> {t("poll.make_anonymous")}
          </label>
          <label>
            <input type="checkbox" name="allow_change" defaultChecked /> {t("poll.allow_change")}
          </label>
          <label>
            <input type="checkbox" name="allow_add_options" /> {t("poll.allow_add")}
          </label>
          <label className="field">
            <span>{t("poll.results")}</span>
            <select name="results" defaultValue="live">
              <option value="live">{t("poll.results.live")}</option>
              <option value="after_vote">{t("poll.results.after_vote")}</option>
              <option value="after_close">{t("poll.results.after_close")}</option>
            </select>
          </label>
          <label className="field">
            <span>{t("poll.closes_at")}</span>
            <input type="datetime-local" name="closes_at" />
          </label>
        </div>
      </details>
      <Problem text={problem} />
      <FormEnd go={t("poll.ask")} onCancel={onDone} />
    </form>
  );
}
