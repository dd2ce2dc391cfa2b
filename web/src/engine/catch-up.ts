/**
 * Catching up with the log over HTTP: `POST /sync` for everything, `GET …/events` for one conversation.
 *
 * Owns the dialogue; what may be delivered is the sequencer's decision, when to ask is the caller's.
 */
import { Limit } from "./alarm";
import type { Conversation, Event, SyncAnswer } from "./api";
import { CallTracker } from "./call-tracker";
import { parseEvents } from "./events";
import { fillPath } from "./http";
import { ApiError } from "./problems";
import type { Requests } from "./requests";
import type { Sequencer } from "./sequencer";

const PAGE_SIZE = 100;
/** The server takes no more. */
const MAX_SYNC_CURSORS = 1_000;
const PARALLEL_HEALS = 4;
/** A log that may not be read any more: gone, or never to be known about. */
const OUT = new Set([403, 404, 410]);

interface Page<T> {
  items: T[];
  next_cursor: string | null;
}

export interface CatchUpParts {
  requests: Requests;
  sequencer: Sequencer;
  emit: (event: Event) => void;
  /**
   * Events of one conversation that are worth reading after an absence. Above it the conversation's summary is taken
   * and the log goes on behind it (`conversation.synced` with `skipped`). Infinity: every event is delivered.
   */
  skipBeyond: number;
  /**
   * For screens: the first thing read is the list of conversations, which says what they look like now; a device that
   * knows nothing begins there and leaves out all that lies before. Called with the ids, once. Without it every log is
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

  /** An event that came some other way. */
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

  /** The server's own summary of a conversation; `skip` leaves out what the log holds up to it. */
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

  /** One sync answer, and the holes once it gets no further by itself. True if there is more. */
  async step(signal: AbortSignal): Promise<boolean> {
    const before = this.#mark();
    const more = await this.#round(signal);
    if (more && this.#mark() !== before) return true;
    await this.healAll(signal);
    return more && this.#mark() !== before;
  }

  /** Reads the list of conversations to find what moved on; with `skip` that is left out. Returns the ids. */
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

  /** Fills every hole that is known of; one that fails throws after the others were served. */
  async healAll(signal: AbortSignal): Promise<void> {
    const outcomes = await Promise.allSettled(this.sequencer.behind().map((id) => this.heal(id, signal)));
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  /** Reads this conversation's log from the cursor to its end. */
  async heal(id: string, signal: AbortSignal): Promise<void> {
    await this.#limit.run(async () => {
      this.heals += 1;
      try {
        if (this.sequencer.inDoubt.has(id)) await this.#findStart(id, signal);
        while (await this.#readPage(id, signal)) signal.throwIfAborted();
      } catch (error) {
        if (!(error instanceof ApiError) || !OUT.has(error.status)) throw error;
        await this.#askWhetherOut(id, signal);
      }
    });
  }

  async #round(signal: AbortSignal): Promise<boolean> {
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
      // ended while the answer was on its way: it does not show where the log starts
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
        sequencer.note(id, reached + 1); // should the next answer not reach it either, the log itself is asked
      } else {
        this.summary(entry.conversation, false);
      }
    }
    for (const id of answer.removed) {
      if (sequencer.cursor(id) === asked[id]) this.#emitAll(sequencer.end(id));
      else sequencer.inDoubt.add(id); // it moved on meanwhile: were we out before, or are we now?
    }
    this.#emitAll(this.#calls.listed(answer.ephemeral?.calls ?? []));
    return more;
  }

  async #surveyAll(asked: Readonly<Record<string, number>>, signal: AbortSignal): Promise<void> {
    const listed = await this.survey(signal, { skip: false });
    // The list moves while it is read: only the log can tell that one is gone.
    for (const id of Object.keys(asked)) if (!listed.has(id)) await this.heal(id, signal);
  }

  /** We were put out; if we are back, the first event shown tells whether the old log still counts. */
  async #findStart(id: string, signal: AbortSignal): Promise<void> {
    const first = (await this.#log(id, { after: 0, limit: 1 }, signal)).events[0];
    if (first?.seq !== undefined) this.#emitAll(this.sequencer.resolve(id, first.seq));
  }

  /** One page of the log; true when there is another. */
  async #readPage(id: string, signal: AbortSignal): Promise<boolean> {
    const { sequencer } = this.#parts;
    const before = sequencer.cursor(id);
    const { events, more } = await this.#log(id, { after: before ?? 0, limit: PAGE_SIZE }, signal);
    if (before !== undefined && sequencer.cursor(id) === undefined) return false; // ended meanwhile
    this.#emitAll(sequencer.offerLog(id, events, { confirmed: true }));
    return more && sequencer.cursor(id) !== before;
  }

  async #log(id: string, query: { after: number; limit: number }, signal: AbortSignal) {
    const path = fillPath("/conversations/{id}/events", { id });
    const page = await this.#get<Page<unknown>>(signal, path, query);
    return { events: parseEvents(page.items, id), more: page.next_cursor !== null };
  }

  async #askWhetherOut(id: string, signal: AbortSignal): Promise<void> {
    const { sequencer } = this.#parts;
    const knownOut = sequencer.inDoubt.has(id);
    if (sequencer.cursor(id) === undefined) sequencer.giveUp(id);
    else if (knownOut || sequencer.size > MAX_SYNC_CURSORS) this.#emitAll(sequencer.end(id));
    else await this.#round(signal); // names it in `removed` if so
  }

  async #get<T>(signal: AbortSignal, path: string, query: Record<string, unknown>): Promise<T> {
    return (await this.#parts.requests.request("GET", { path, query, retry: true, signal })) as T;
  }

  #mark(): string {
    return JSON.stringify(this.sequencer.cursors);
  }

  #emitAll(events: readonly Event[]): void {
    for (const event of events) this.#parts.emit(event);
  }
}
