/**
 * Catching up with the log over HTTP: `POST /sync` for all conversations, `GET …/events` for one.
 *
 * The sequencer decides which events may be delivered, the caller (`resync.ts`) when to catch up.
 */
import { Limit } from "../alarm";
import type { Conversation, Event, SyncAnswer } from "../service/api";
import { CallTracker } from "./call-tracker";
import { parseEvents } from "./events";
import { fillPath } from "../service/http";
import { ApiError } from "../service/problems";
import type { Requests } from "../service/requests";
import type { Sequencer } from "./sequencer";

const PAGE_SIZE = 100;
/** The server's limit. */
const MAX_SYNC_CURSORS = 1_000;
const PARALLEL_HEALS = 4;
/** Statuses of a log that may not be read, or not any more. */
const NO_ACCESS = new Set([403, 404, 410]);

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface CatchUpParts {
  requests: Requests;
  sequencer: Sequencer;
  emit: (event: Event) => void;
  /**
   * The most events of one conversation that are read after an absence. If more were missed, they are replaced by the
   * conversation's summary (`conversation.synced` with `skipped`). Infinity: every event is delivered.
   */
  skipBeyond: number;
  /**
   * For screens: the list of conversations is read before the first sync, and this is called once with their ids. A
   * device without cursors starts at the present state and skips all earlier events. Without this callback every log is
   * read from its cursor, or from its start.
   */
  onList: ((conversationIds: ReadonlySet<string>) => void) | undefined;
}

export class CatchUp {
  readonly #parts: CatchUpParts;
  readonly #calls = new CallTracker();
  readonly #limit = new Limit(PARALLEL_HEALS);
  #listed = false;
  heals = 0;

  constructor(parts: CatchUpParts) {
    this.#parts = parts;
  }

  get sequencer(): Sequencer {
    return this.#parts.sequencer;
  }

  /** Takes in an event from the socket or from another tab. */
  offer(event: Event): void {
    const { sequencer } = this.#parts;
    if (event.type === "conversation.removed") {
      if (event.conversation_id !== undefined) this.#emitAll(sequencer.end(event.conversation_id));
    } else if (event.type === "conversation.synced") {
      this.summary(event.data.conversation, event.data.skipped);
    } else if (this.#calls.letsPass(event)) {
      this.#emitAll(sequencer.offer(event));
    }
  }

  /** Takes in the server's summary of a conversation; `skip` leaves out the events before it that are still missing. */
  summary(conversation: Conversation, skip: boolean): void {
    const { sequencer, emit } = this.#parts;
    const { id, last_seq } = conversation;
    const skipped = skip && (sequencer.cursor(id) ?? -1) < last_seq;
    const ready = skipped ? sequencer.skipTo(id, last_seq) : [];
    emit({ type: "conversation.synced", data: { conversation, skipped }, conversation_id: id });
    this.#emitAll(ready);
    sequencer.note(id, last_seq);
  }

  /** Syncs until nothing is left. */
  async all(signal: AbortSignal): Promise<void> {
    while (await this.step(signal)) signal.throwIfAborted();
  }

  /** One sync; fills the gaps if the sync makes no further progress. True if there is more. */
  async step(signal: AbortSignal): Promise<boolean> {
    const before = this.#progress();
    const more = await this.#syncOnce(signal);
    if (more && this.#progress() !== before) return true;
    await this.healAll(signal);
    return more && this.#progress() !== before;
  }

  /** Reads the list of conversations to find missed events; with `skip` those are left out. Returns the ids. */
  async survey(signal: AbortSignal, { skip }: { skip: boolean }): Promise<Set<string>> {
    const listed = new Set<string>();
    let cursor: string | null = null;
    do {
      const page: Page<Conversation> = await this.#get(signal, "/conversations", { limit: PAGE_SIZE, cursor });
      for (const conversation of page.items) {
        listed.add(conversation.id);
        this.summary(conversation, skip);
      }
      cursor = page.next_cursor;
    } while (cursor !== null);
    return listed;
  }

  /** Fills every known gap. If one fails, throws its error once the others are done. */
  async healAll(signal: AbortSignal): Promise<void> {
    const outcomes = await Promise.allSettled(this.sequencer.behind().map((id) => this.heal(id, signal)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** Reads a conversation's log from the cursor to its end. */
  async heal(id: string, signal: AbortSignal): Promise<void> {
    await this.#limit.run(async () => {
      this.heals += 1;
      try {
        if (this.sequencer.inDoubt.has(id)) await this.#findStart(id, signal);
        while (await this.#readPage(id, signal)) signal.throwIfAborted();
      } catch (error) {
        if (!(error instanceof ApiError) || !NO_ACCESS.has(error.status)) throw error;
        await this.#confirmRemoval(id, signal);
      }
    });
  }

  async #syncOnce(signal: AbortSignal): Promise<boolean> {
    const { sequencer, requests, skipBeyond, onList } = this.#parts;
    if (onList && !this.#listed) {
      onList(await this.survey(signal, { skip: sequencer.size === 0 }));
      this.#listed = true;
    }
    const asked = sequencer.cursors;
    if (Object.keys(asked).length > MAX_SYNC_CURSORS) {
      await this.#surveyAll(asked, signal);
      return false;
    }
    const answer = (await requests.request("POST", {
      path: "/sync",
      body: { cursors: asked },
      retry: true,
      signal,
    })) as SyncAnswer;
    let more = answer.more;
    for (const entry of answer.conversations) {
      const { id, last_seq } = entry.conversation;
      // removed while the answer was on its way: the answer does not show where the log starts now
      if (sequencer.cursor(id) === undefined && id in asked) continue;
      const events = parseEvents(entry.events, id);
      const reached = events.at(-1)?.seq ?? asked[id] ?? 0;
      if (entry.more && last_seq - reached > skipBeyond) {
        this.summary(entry.conversation, true);
        continue;
      }
      this.#emitAll(sequencer.offerLog(id, events));
      if (entry.more) {
        more = true;
        sequencer.note(id, reached + 1); // if the next sync does not bring it either, the log itself is read
      } else {
        this.summary(entry.conversation, false);
      }
    }
    for (const id of answer.removed) {
      if (sequencer.cursor(id) === asked[id]) this.#emitAll(sequencer.end(id));
      else sequencer.inDoubt.add(id); // newer events came meanwhile: unclear whether the reader is removed now, or was before them
    }
    this.#emitAll(this.#calls.listed(answer.ephemeral?.calls ?? []));
    return more;
  }

  async #surveyAll(asked: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
    const listed = await this.survey(signal, { skip: false });
    // The list may change between its pages: only the log tells for certain that a conversation is gone.
    for (const id of Object.keys(asked)) if (!listed.has(id)) await this.heal(id, signal);
  }

  /** The reader was removed. If they are back, the first readable event tells whether the old log goes on. */
  async #findStart(id: string, signal: AbortSignal): Promise<void> {
    const first = (await this.#log(id, { after: 0, limit: 1 }, signal)).events[0];
    if (first?.seq !== undefined) this.#emitAll(this.sequencer.resolve(id, first.seq));
  }

  /** One page of the log; true when there is another. */
  async #readPage(id: string, signal: AbortSignal): Promise<boolean> {
    const { sequencer } = this.#parts;
    const before = sequencer.cursor(id);
    const { events, more } = await this.#log(id, { after: before ?? 0, limit: PAGE_SIZE }, signal);
    if (before !== undefined && sequencer.cursor(id) === undefined) return false; // removed meanwhile
    this.#emitAll(sequencer.offerLog(id, events, { confirmed: true }));
    return more && sequencer.cursor(id) !== before;
  }

  async #log(id: string, query: { after: number; limit: number }, signal: AbortSignal) {
    const path = fillPath("/conversations/{id}/events", { id });
    const page = await this.#get<Page<unknown>>(signal, path, query);
    return { events: parseEvents(page.items, id), more: page.next_cursor !== null };
  }

  async #confirmRemoval(id: string, signal: AbortSignal): Promise<void> {
    const { sequencer } = this.#parts;
    const wasRemoved = sequencer.inDoubt.has(id);
    if (sequencer.cursor(id) === undefined) sequencer.giveUp(id);
    else if (wasRemoved || sequencer.size > MAX_SYNC_CURSORS) this.#emitAll(sequencer.end(id));
    else await this.#syncOnce(signal); // its `removed` names the conversation if the reader is out
  }

  async #get<T>(signal: AbortSignal, path: string, query: Record<string, unknown>): Promise<T> {
    return (await this.#parts.requests.request("GET", { path, query, retry: true, signal })) as T;
  }

  #progress(): string {
    return JSON.stringify(this.sequencer.cursors);
  }

  #emitAll(events: readonly Event[]): void {
    for (const event of events) this.#parts.emit(event);
  }
}
