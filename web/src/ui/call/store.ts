/** The call that this device has joined; at most one. */
import type { Call, Engine } from "../../engine";
import { openDevices } from "./media";
import { CallProtection, type Prepared, prepare } from "./protection";
import { CallSession } from "./session";

export interface CallState {
  readonly session: CallSession | null;
  readonly call: Call | null;
  /** Counts changes within the session, which is mutable, so that React renders them. */
  readonly turn: number;
}

class CallStore {
  #state: CallState = { session: null, call: null, turn: 0 };
  #end: (() => void) | null = null;
  #joining = false;
  readonly #listeners = new Set<() => void>();

  readonly get = (): CallState => this.#state;
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  /** Begins a call, or joins the one that there is. Throws like `join`, before it rings for anybody. */
  async start(engine: Engine, conversation_id: string, media: Call["media"]): Promise<void> {
    const prepared = await prepare(engine, conversation_id);
    const body = { client_id: crypto.randomUUID(), media };
    const call = await engine.api.post("/conversations/{conversation_id}/calls", { path: { conversation_id }, body });
    engine.calls.put(call);
    await this.#join(engine, call, prepared);
  }

  /**
   * Joins a call with the microphone and, for video calls, the camera. Throws if access to them is refused, or if the
   * conversation is encrypted and this call could not be.
   */
  async join(engine: Engine, call: Call): Promise<void> {
    await this.#join(engine, call, await prepare(engine, call.conversation_id));
  }

  async #join(engine: Engine, call: Call, prepared: Prepared | null): Promise<void> {
    if (this.#state.session || this.#joining) return;
    this.#joining = true; // the browser may ask for long, and a second press joins no second time
    let local: MediaStream | undefined;
    try {
      local = await openDevices(call.media === "video");
      const joined = await engine.api.post("/calls/{call_id}/join", { path: { call_id: call.id } });
      engine.calls.put(joined.call);
      const changed = () => this.#set({});
      const protection = prepared && new CallProtection(engine, joined.call, prepared, changed);
      const session = new CallSession(engine, joined, local, protection, changed);
      this.#set({ session, call: joined.call });
      this.#end = engine.calls.live.subscribe(() => this.#follow(engine));
      session.update(joined.call);
    } catch (error) {
      for (const track of local?.getTracks() ?? []) track.stop();
      throw error;
    } finally {
      this.#joining = false;
    }
  }

  async leave(engine: Engine): Promise<void> {
    const { session } = this.#state;
    this.#endCall();
    if (session) engine.calls.put(await engine.api.post("/calls/{call_id}/leave", { path: { call_id: session.callId } }));
  }

  #follow(engine: Engine): void {
    const { session } = this.#state;
    const call = engine.calls.live.get().find((each) => each.id === session?.callId);
    if (!call) {
      this.#endCall();
      return;
    }
    session?.update(call);
    this.#set({ call });
  }

  #endCall(): void {
    this.#end?.();
    this.#end = null;
    this.#state.session?.close();
    this.#set({ session: null, call: null });
  }

  #set(change: Partial<CallState>): void {
    this.#state = { ...this.#state, ...change, turn: this.#state.turn + 1 };
    for (const listener of this.#listeners) listener();
  }
}

export const callStore = new CallStore();
