/** Shared hooks and helpers of screens: the engine, its values as React state, texts for errors, formats of times. */
import { createContext, use, useRef, useState, useSyncExternalStore } from "react";
import { ApiError, EncryptionError, type Engine, type Message, type Subscribable, UploadRejected, isInTheClear } from "../engine";
import { type TextKey, type Translate, useTranslations } from "../i18n";
import { plainOf } from "./markup";
import { FIELDS, REFUSALS } from "./refusals";

export const EngineContext = createContext<Engine | null>(null);

export function useEngine(): Engine {
  const engine = use(EngineContext);
  if (!engine) throw new Error("there is no engine around this screen");
  return engine;
}

export function useValue<T>(value: Subscribable<T>): T {
  return useSyncExternalStore(value.subscribe, value.get);
}

export function useMyId(): string {
  const session = useValue(useEngine().auth.session);
  return session.state === "signed_in" ? session.userId : "";
}

/** The text that tells a person what an error means and what to do. */
export function errorText(error: unknown, t: Translate): string {
  if (error instanceof ExplainedError) return t(error.key);
  if (error instanceof EncryptionError) return t(ENCRYPTION[error.code] ?? "e2e.failed");
  if (error instanceof UploadRejected) return t(REFUSALS[error.reason] ?? "files.rejected");
  if (!(error instanceof ApiError)) return t("error.network");
  const rules = error.errors.flatMap((each) => FIELDS[each.field.split(".").at(-1)!] ?? []);
  if (rules.length > 0) return [...new Set(rules)].map((each) => t(each)).join(" ");
  const known = REFUSALS[error.code] ?? (error.transient ? "error.busy" : undefined);
  // a newer server may have codes that this client does not know
  return known ? t(known, { minutes: Math.max(1, Math.ceil((error.retryAfterMs ?? 0) / 60_000)) }) : error.detail || error.code;
}

/** What a message says; null without a text. What came in the clear into an encrypted conversation is not shown. */
export function messageText(message: Pick<Message, "text">, t: Translate): string | null {
  return isInTheClear(message) ? t("e2e.plain") : message.text;
}

/** The line that quotes a message: its text without marks, or the name of its first file. */
export function quotedText(message: Pick<Message, "text" | "attachments">, t: Translate): string | undefined {
  const text = messageText(message, t);
  return text ? plainOf(text) : message.attachments[0]?.name;
}

/** An error of this device that a person can resolve; `key` is the text that says how. */
export class ExplainedError extends Error {
  readonly key: TextKey;

  constructor(key: TextKey) {
    super(key);
    this.key = key;
  }
}

const ENCRYPTION: Readonly<Record<string, TextKey>> = {
  file_too_large: "e2e.file_too_large",
  not_in_group: "e2e.waiting",
  server_misbehaved: "e2e.broken",
  withheld: "e2e.withheld",
};

/**
 * Runs actions that may fail. `attempt` resolves to whether its action succeeded; `problem` is the error text of the
 * last one, empty after a success.
 */
export function useAttempt(): { attempt: (doing: () => Promise<unknown>) => Promise<boolean>; problem: string } {
  const t = useTranslations();
  const [problem, setProblem] = useState("");
  const attempt = async (doing: () => Promise<unknown>) => {
    try {
      await doing();
      setProblem("");
      return true;
    } catch (error) {
      setProblem(errorText(error, t));
      return false;
    }
  };
  return { attempt, problem };
}

/**
 * Like `useAttempt`, with `inOrder` for repeated changes of one thing: each starts after the previous one has ended, so
 * that the last one wins. It resolves to true if the change succeeded and no further one was requested meanwhile.
 */
export function useChanges(): ReturnType<typeof useAttempt> & { inOrder: (doing: () => Promise<unknown>) => Promise<boolean> } {
  const { attempt, problem } = useAttempt();
  const last = useRef<Promise<boolean>>(Promise.resolve(true));
  const inOrder = async (doing: () => Promise<unknown>) => {
    const mine = last.current.then(() => attempt(doing));
    last.current = mine;
    return (await mine) && last.current === mine;
  };
  return { attempt, inOrder, problem };
}

/** Cached formatters: creating one costs more than using it many times. */
const formats = new Map<string, Intl.DateTimeFormat>();
function format(locale: string, options: Intl.DateTimeFormatOptions, instant: string | Date): string {
  const key = locale + JSON.stringify(options);
  let made = formats.get(key);
  if (!made) formats.set(key, (made = new Intl.DateTimeFormat(locale, options)));
  return made.format(new Date(instant));
}

export function timeOf(instant: string, locale: string): string {
  return format(locale, { timeStyle: "short" }, instant);
}

export function dayOf(instant: string, locale: string): string {
  return format(locale, { weekday: "long", day: "numeric", month: "long" }, instant);
}

export function momentOf(instant: string | Date, locale: string): string {
  return format(locale, { dateStyle: "medium", timeStyle: "short" }, instant);
}

/** A moment in the format of `<input type="datetime-local">`, in local time. */
export function localInput(moment: Date): string {
  return new Date(moment.getTime() - moment.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

export function dateOf(instant: string, locale: string): string {
  return format(locale, { dateStyle: "medium" }, instant);
}

/** A duration in the largest unit that fits, such as "2 hours". */
export function durationOf(seconds: number, locale: string): string {
  const units = [["day", 86_400], ["hour", 3_600], ["minute", 60], ["second", 1]] as const;
  const [unit, size] = units.find(([, each]) => seconds >= each) ?? units[3];
  const style = { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(locale, style).format(seconds / size);
}
