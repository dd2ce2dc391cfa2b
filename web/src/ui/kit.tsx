/** Building blocks of forms and lists. Native elements where HTML has them; dialogs and switches from React Aria. */
import { type InfiniteData, type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { type ComponentProps, type ReactNode, useId, useState } from "react";
import { Switch } from "react-aria-components";
import { useTranslations } from "../i18n";
import { Sheet } from "./sheet";
import "./kit.css";
import { errorText, useAttempt } from "./hooks";
import { Problem } from "./problem";

export function Section({ title, hint, children }: { title: string; hint?: string | undefined; children: ReactNode }) {
  const id = useId();
  return (
    <section className="block" aria-labelledby={id}>
      <h3 id={id}>{title}</h3>
      {hint && <p className="hint">{hint}</p>}
      {children}
    </section>
  );
}

type Labelled = { label: string; hint?: string | undefined };

export function Field({ label, hint, ...input }: Labelled & ComponentProps<"input">) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <input id={id} aria-describedby={hint ? `${id}-hint` : undefined} {...input} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

export function Area({ label, hint, ...input }: Labelled & ComponentProps<"textarea">) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <textarea id={id} aria-describedby={hint ? `${id}-hint` : undefined} {...input} />
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

/** A native select, which works well with screen readers and on phones. */
export function Choice<T extends string>({
  label,
  hint,
  options,
  onChoose,
  ...select
}: Labelled & { options: readonly (readonly [T, string])[]; onChoose?: (chosen: T) => void } & Omit<ComponentProps<"select">, "onChange">) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...select}
        {...(onChoose ? { onChange: (event) => onChoose(event.target.value as T) } : {})}
      >
        {options.map(([key, text]) => (
          <option key={key} value={key}>
            {text}
          </option>
        ))}
      </select>
      {hint && <small id={`${id}-hint`}>{hint}</small>}
    </div>
  );
}

export function Toggle({ label, on, disabled = false, onChange }: { label: string; on: boolean; disabled?: boolean; onChange: (on: boolean) => void }) {
  return (
    <Switch className="toggle" isSelected={on} isDisabled={disabled} onChange={onChange}>
      <span className="track" aria-hidden>
        <span className="thumb" />
      </span>
      {label}
    </Switch>
  );
}

/** A button for an irreversible action; a dialog says what will happen and asks for confirmation. */
export function Sure({
  label,
  text,
  ariaLabel,
  className = "danger",
  onSure,
}: {
  label: ReactNode;
  /** What will happen. */
  text: string;
  ariaLabel?: string;
  className?: string;
  onSure: () => Promise<unknown>;
}) {
  const t = useTranslations();
  const [asking, setAsking] = useState(false);
  const { attempt, problem } = useAttempt();
  return (
    <>
      <button type="button" className={className} aria-label={ariaLabel} onClick={() => setAsking(true)}>
        {label}
      </button>
      {asking && (
        <Sheet title={t("sure.title")} onClose={() => setAsking(false)}>
          <p>{text}</p>
          <Problem text={problem} />
          <p className="row">
            <button className="danger" onClick={() => void attempt(onSure).then((well) => well && setAsking(false))}>
              {ariaLabel ?? label}
            </button>
            <button className="quiet" autoFocus onClick={() => setAsking(false)}>
              {t("nav.cancel")}
            </button>
          </p>
        </Sheet>
      )}
    </>
  );
}

/** A message of success, announced by screen readers. */
export function Done({ text }: { text: string }) {
  return (
    <p role="status" className="done">
      {text}
    </p>
  );
}

interface PageOf<T> {
  readonly items: readonly T[];
  readonly next_cursor: string | null;
}

/** A paginated list. */
export function usePages<T>(queryKey: QueryKey, fetch: (query: { limit: number; cursor?: string }) => Promise<PageOf<T>>) {
  const t = useTranslations();
  const query = useInfiniteQuery<PageOf<T>, Error, InfiniteData<PageOf<T>>, QueryKey, string | null>({
    queryKey,
    queryFn: ({ pageParam }) => fetch({ limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) }),
    initialPageParam: null,
    getNextPageParam: (last) => last.next_cursor,
  });
  return {
    items: query.data?.pages.flatMap((each) => each.items) ?? [],
    loaded: query.isSuccess,
    problem: query.error ? errorText(query.error, t) : "",
    hasMore: query.hasNextPage,
    more: () => void query.fetchNextPage(),
  };
}

/** Shows that a list has not come yet, once that takes a while. */
export function Waiting({ for: list }: { for: { loaded: boolean; problem: string } }) {
  return !list.loaded && !list.problem && <p className="empty waiting">…</p>;
}

export function More({ of }: { of: { hasMore: boolean; more: () => void; problem: string; loaded: boolean; items: readonly unknown[] } }) {
  const t = useTranslations();
  return (
    <>
      <Problem text={of.problem} />
      <Waiting for={of} />
      {of.loaded && of.items.length === 0 && <p className="empty">{t("list.empty")}</p>}
      {of.hasMore && <button onClick={of.more}>{t("list.more")}</button>}
    </>
  );
}
