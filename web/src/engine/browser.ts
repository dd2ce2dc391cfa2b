/** The ports of a browser, for a tab or a worker. Uses no DOM. */
import { TabEngine } from "./engine";
import { IdbStore } from "./storage/idb-store";
import type { LiveSettings } from "./live/live";
import type { Channel, Clock, Journal, Locks, Ports, SendBytes, Wire, WireEvents } from "./ports";
import { ConnectionLost, TransportFailed } from "./service/problems";
import { MemoryStore } from "./storage/store";
import type { Engine } from "./types";

const OPEN_TIMEOUT_MS = 10_000;
const NORMAL_CLOSURE = 1000;

export const clock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const over = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", over);
        resolve();
      }, ms);
      signal?.addEventListener("abort", over, { once: true });
    }),
};

/** Opens a WebSocket. A failure carries no reason, since browsers hide from a page why a handshake was refused. */
export function dial(url: string, { onText, onClose }: WireEvents): Promise<Wire> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url);
    const timer = setTimeout(() => socket.close(), OPEN_TIMEOUT_MS);
    let opened = false;
    socket.onopen = () => {
      opened = true;
      clearTimeout(timer);
      resolve({
        send: (text) => {
          if (socket.readyState !== WebSocket.OPEN) throw new ConnectionLost("the socket is closed");
          socket.send(text);
        },
        close: () => socket.close(NORMAL_CLOSURE),
      });
    };
    socket.onmessage = (event: MessageEvent<unknown>) => typeof event.data === "string" && onText(event.data);
    socket.onclose = () => {
      clearTimeout(timer);
      if (opened) onClose();
      else reject(new ConnectionLost("could not connect"));
    };
  });
}

export const locks: Locks = {
  hold: (name, signal, run) => navigator.locks.request(name, signal ? { signal } : {}, run) as ReturnType<typeof run>,
};

export function channel(name: string): Channel {
  const broadcast = new BroadcastChannel(name);
  return {
    post: (message) => broadcast.postMessage(message),
    onMessage: (listener) => {
      broadcast.onmessage = (event: MessageEvent<unknown>) => listener(event.data);
    },
    close: () => broadcast.close(),
  };
}

/** Uses XMLHttpRequest, since fetch does not report the progress of uploads. */
export const sendBytes: SendBytes = (method, url, body, onProgress, signal) =>
  new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onload = () => resolve(request.status);
    request.onerror = request.ontimeout = () => reject(new TransportFailed(`${method} to the storage: no answer`));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    request.send(body);
  });

export const browserPorts: Ports = {
  fetch: (...given) => fetch(...given),
  dial,
  sendBytes,
  clock,
  locks,
  channel,
  random: Math.random,
  uuid: () => crypto.randomUUID(),
};

/** Ports of a page that shares neither locks nor messages with other tabs, which have stores of their own. */
function alone(ports: Ports): Ports {
  const own = ports.uuid();
  return {
    ...ports,
    locks: { hold: (name, signal, run) => ports.locks.hold(`${name}:${own}`, signal, run) },
    channel: (name) => ports.channel(`${name}:${own}`),
  };
}

/**
 * Creates this tab's engine, which the caller starts. `httpUrl` and `wsUrl` may be relative to `here`, the page's URL.
 *
 * With `keepsNothing` all of the person's data is in the page's memory alone, and this device has no keys for encrypted
 * conversations: its keys would end with the page, and others would be told of a new device each time.
 */
export async function createEngine(options: {
  httpUrl: string;
  wsUrl?: string | undefined;
  here: string;
  journal?: Journal | undefined;
  settings?: Partial<LiveSettings>;
  deviceName?: string | undefined;
  keepsNothing?: boolean;
}): Promise<Engine> {
  const httpUrl = new URL(options.httpUrl, options.here).href.replace(/\/$/, "");
  const wsUrl = options.wsUrl && new URL(options.wsUrl, options.here).href;
  const { settings, journal, deviceName, keepsNothing = false } = options;
  const more = settings ? { settings } : {};
  if (keepsNothing) return new TabEngine({ httpUrl, wsUrl, store: new MemoryStore(), ports: alone(browserPorts), keepsNothing, ...more });
  const store = await IdbStore.open("secureconnect"); // one deployment per origin; its API may move to another path
  return new TabEngine({ httpUrl, wsUrl, store, ports: { ...browserPorts, journal }, deviceName, ...more });
}
