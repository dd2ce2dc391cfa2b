/** What screens share: the engine, its values as React state, and how errors are told. */
import { createContext, use, useState, useSyncExternalStore } from "react";
import { ApiError, type Engine, type Subscribable } from "../engine";
import { type Translate, useTranslations } from "../i18n";

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

/** What to tell a person of an error: what the server says of it, or that there is no connection. */
export function told(error: unknown, t: Translate): string {
  if (!(error instanceof ApiError)) return t("error.network");
  const known = { invalid_credentials: t("error.credentials"), rate_limited: t("error.rate"), blocked: t("error.blocked") };
  return known[error.code as keyof typeof known] ?? error.message;
}

/** Does something that the server may refuse: `problem` tells what the last attempt met, and is empty when it went well. */
export function useAttempt(): { attempt: (doing: () => Promise<unknown>) => Promise<void>; problem: string } {
  const t = useTranslations();
  const [problem, setProblem] = useState("");
  const attempt = async (doing: () => Promise<unknown>) => {
    try {
      await doing();
      setProblem("");
    } catch (error) {
      setProblem(told(error, t));
    }
  };
  return { attempt, problem };
}

export function timeOf(instant: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(new Date(instant));
}

export function dayOf(instant: string, locale: string): string {
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long" }).format(new Date(instant));
}
