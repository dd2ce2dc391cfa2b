/**
 * The virtualised list of a conversation's messages, oldest first. Only rows near the viewport are in the document; the
 * visible ones keep their position when older or newer messages are loaded.
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { ArrowDown } from "lucide-react";
import { type KeyboardEvent, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";
import type { Message, Receipt, Timeline, TimelineItem, TimelineState } from "../engine";
import { useLanguage } from "../i18n";
import { useChat } from "./chat/context";
import { type Target, canJump } from "./chat/jumps";
import { dayOf, errorText, useEngine, useValue } from "./hooks";
import { MessageRow } from "./message";
import { Problem } from "./problem";

const NOTHING: TimelineState = { items: [], atStart: false, atEnd: true, loading: "initial", error: null, stale: false };
/** Within this many rows of either end of the loaded messages, the next page is loaded. */
const LOAD_WITHIN_ROWS = 18;
const AT_END_PX = 80;
const AWAY_PX = 320;
/** The height of the line above the first message. */
const BEGINNING_PX = 72;
const HIGHLIGHT_MS = 2_500;
/** How long a jump holds its target, while rows that load above it still change the target's index. */
const LANDING_MS = 300;
/** A message counts as read after this time on screen, so that those passed during a jump do not. */
const SEEN_MS = 300;

export function useTimeline(conversationId: string): [Timeline | null, TimelineState] {
  const engine = useEngine();
  const [timeline, setTimeline] = useState<Timeline | null>(null);
  useEffect(() => {
    const opened = engine.timeline(conversationId);
    setTimeline(opened);
    return () => opened.close();
  }, [engine, conversationId]);
  const state = useSyncExternalStore(
    (listener) => timeline?.subscribe(listener) ?? (() => undefined),
    () => timeline?.get() ?? NOTHING,
  );
  return [timeline, state];
}

function useVisible(): boolean {
  return useSyncExternalStore(
    (listener) => {
      document.addEventListener("visibilitychange", listener);
      return () => document.removeEventListener("visibilitychange", listener);
    },
    () => document.visibilityState === "visible",
  );
}

interface ScrollTarget {
  readonly id: string;
  readonly align: "center" | "start";
  readonly mark: boolean;
}

/** `firstUnread`: as of `useFirstUnread`; the list begins there. */
export function MessageList({ message, firstUnread }: { message: string | undefined; firstUnread: number | null | undefined }) {
  const { t, locale } = useLanguage();
  const engine = useEngine();
  const { conversation, me } = useChat();
  const { id } = conversation;
  const [timeline, state] = useTimeline(id);
  const { items } = state;
  const receipts = useValue(engine.receipts.of(id));
  const box = useRef<HTMLDivElement>(null);
  const positioned = useRef(false);
  const [scrollTarget, setScrollTarget] = useState<ScrollTarget | null>(null);
  const [marked, setMarked] = useState("");
  const [problem, setProblem] = useState("");
  const visible = useVisible();

  const byId = useMemo(() => new Map(items.map((item, index) => [item.message.id, index])), [items]);
  const virtualizer = useVirtualizer({
    count: items.length,
    getScrollElement: () => box.current,
    estimateSize: useCallback((index: number) => estimateHeight(items[index]), [items]),
    getItemKey: useCallback((index: number) => items[index]?.key ?? index, [items]),
    overscan: 6,
    anchorTo: "end",
    followOnAppend: true,
    scrollEndThreshold: AT_END_PX,
    paddingStart: state.atStart ? BEGINNING_PX : 16,
    paddingEnd: 8,
  });
  const first = virtualizer.range?.startIndex ?? 0;
  const last = virtualizer.range?.endIndex ?? 0;

  // --- jumps

  const jump = useCallback(
    async (target: Target, { align = "center", mark = true }: Partial<ScrollTarget> = {}) => {
      if (!timeline) return;
      positioned.current = true;
      setProblem("");
      setScrollTarget(null);
      try {
        if (target === "end") {
          await timeline.jumpToEnd();
          virtualizer.scrollToEnd();
          return;
        }
        const found = await ("message" in target
          ? timeline.jumpToMessage(target.message)
          : "seq" in target
            ? timeline.jumpToSeq(target.seq)
            : timeline.jumpToDate(target.date));
        if (found) setScrollTarget({ id: found, align, mark });
      } catch (error) {
        setProblem(errorText(error, t));
      }
    },
    [timeline, virtualizer, t],
  );
  useEffect(() => canJump(id, jump), [id, jump]);
  /** Whether the first jump has ended; until then no visible message counts as read. */
  const [landed, setLanded] = useState(false);
  useEffect(() => {
    if (!timeline) return;
    if (message) void jump({ message }).finally(() => setLanded(true));
    else if (firstUnread) void jump({ seq: firstUnread }, { align: "start", mark: false }).finally(() => setLanded(true));
    else if (firstUnread === null) setLanded(true);
  }, [timeline, message, firstUnread, jump]);

  useLayoutEffect(() => {
    if (positioned.current || items.length === 0) return;
    positioned.current = true;
    virtualizer.scrollToEnd();
  }, [items.length, virtualizer]);
  useLayoutEffect(() => {
    const index = scrollTarget && byId.get(scrollTarget.id);
    if (scrollTarget === null || index === undefined || index === null) return;
    virtualizer.scrollToIndex(index, { align: scrollTarget.align });
    if (scrollTarget.mark) setMarked(scrollTarget.id);
    const timer = setTimeout(() => setScrollTarget(null), LANDING_MS);
    return () => clearTimeout(timer);
  }, [scrollTarget, byId, virtualizer]);
  useEffect(() => {
    if (!marked) return;
    const timer = setTimeout(() => setMarked(""), HIGHLIGHT_MS);
    return () => clearTimeout(timer);
  }, [marked]);

  // --- loading more, and marking as read

  useEffect(() => {
    if (!timeline || state.loading || state.error || scrollTarget || !positioned.current || items.length === 0) return;
    if (first < LOAD_WITHIN_ROWS && !state.atStart) void timeline.loadOlder();
    else if (last > items.length - LOAD_WITHIN_ROWS && !state.atEnd) void timeline.loadNewer();
  }, [timeline, state, scrollTarget, first, last, items.length]);

  const lastSeen = items[Math.min(last, items.length - 1)];
  const seenSeq = lastSeen?.state === "sent" && !state.stale ? lastSeen.message.seq : 0;
  const unread = conversation.unread_count;
  const readUpTo = useRef(0);
  useEffect(() => {
    if (!visible || unread === 0 || !landed || scrollTarget) return;
    if (seenSeq <= Math.max(readUpTo.current, (firstUnread ?? 1) - 1)) return;
    const timer = setTimeout(() => {
      readUpTo.current = seenSeq;
      engine.commands.markRead(id, seenSeq).catch(() => (readUpTo.current = 0)); // sent again with the next seen message
    }, SEEN_MS);
    return () => clearTimeout(timer);
  }, [engine, id, seenSeq, visible, unread, landed, firstUnread, scrollTarget]);

  // --- keyboard

  const focusOn = (index: number) => {
    if (index < 0 || index >= items.length) return;
    virtualizer.scrollToIndex(index, { align: "auto" });
    const row = () => box.current?.querySelector<HTMLElement>(`[data-index="${index}"] article`);
    if (row()) row()?.focus({ preventScroll: true });
    else requestAnimationFrame(() => row()?.focus());
  };
  function onKeyDown(event: KeyboardEvent<HTMLDivElement>) {
    const row = (event.target as Element).closest("article") === event.target ? (event.target as Element).closest<HTMLElement>("[data-index]") : null;
    const at = row ? Number(row.dataset.index) : null;
    if (event.target !== box.current && at === null) return; // the key belongs to an element within a message
    const move = { ArrowUp: (at ?? items.length) - 1, ArrowDown: at === null ? -1 : at + 1, PageUp: -1, PageDown: -1 }[event.key];
    if (event.key === "End") void jump("end").then(() => focusOn((timeline?.get().items.length ?? 0) - 1));
    else if (event.key === "Home") focusOn(0);
    else if (move !== undefined && move >= 0) focusOn(move);
    else return;
    event.preventDefault();
  }

  const away = items.length > 0 && positioned.current && (!state.atEnd || virtualizer.getDistanceFromEnd() > AWAY_PX);
  return (
    <div className="history">
      <div className="messages" ref={box} role="log" aria-label={t("messages")} aria-busy={state.loading !== null} tabIndex={0} onKeyDown={onKeyDown}>
        <div className="rows" style={{ height: virtualizer.getTotalSize() }}>
          {state.atStart && <p className="beginning">{t("messages.start")}</p>}
          {virtualizer.getVirtualItems().map((row) => {
            const item = items[row.index];
            if (!item) return null;
            const before = items[row.index - 1];
            const newDay = !before || dayOf(before.message.created_at, locale) !== dayOf(item.message.created_at, locale);
            const beginsUnread =
              typeof firstUnread === "number" && item.message.seq >= firstUnread && (before ? before.message.seq < firstUnread : state.atStart);
            const index = item.message.reply_to ? byId.get(item.message.reply_to) : undefined;
            return (
              <div key={row.key} data-index={row.index} ref={virtualizer.measureElement} className="line" style={{ transform: `translateY(${row.start}px)` }}>
                <MessageRow
                  item={item}
                  day={newDay ? item.message.created_at : null}
                  beginsUnread={beginsUnread}
                  follows={!newDay && !beginsUnread && before?.message.sender_id === item.message.sender_id && before.message.type !== "system"}
                  replied={index === undefined ? null : (items[index]?.message ?? null)}
                  readBy={item.message.sender_id === me ? countReaders(receipts, item.message, me) : 0}
                  marked={marked === item.message.id}
                />
              </div>
            );
          })}
        </div>
      </div>
      {state.error && (
        <p role="alert" className="problem row">
          {t("error.network")}
          <button onClick={() => void (first < LOAD_WITHIN_ROWS && items.length > 0 ? timeline?.loadOlder() : timeline?.jumpToEnd())}>{t("chat.try_again")}</button>
        </p>
      )}
      <Problem text={problem} />
      {away && (
        <button className="newest" onClick={() => void jump("end")}>
          <ArrowDown aria-hidden /> {unread > 0 ? t("chat.new_messages", { count: unread }) : t("chat.to_newest")}
        </button>
      )}
    </div>
  );
}

/** An estimate of a row's height in px until it is measured; most messages have a few lines. */
function estimateHeight(item: TimelineItem | undefined): number {
  if (!item) return 64;
  const { message } = item;
  const lines = message.text ? Math.ceil(message.text.length / 60) : 1;
  return 44 + Math.min(lines, 40) * 22 + message.attachments.length * 52 + (message.poll ? 180 : 0) + (message.reply_to ? 26 : 0);
}

function countReaders(receipts: readonly Receipt[], message: Message, me: string): number {
  return receipts.filter((each) => each.user_id !== me && each.read_seq >= message.seq).length;
}
