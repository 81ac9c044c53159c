import type { Address } from "@solana/kit";
import type { Connection } from "./connection.js";
import { MillraceError } from "./errors/MillraceError.js";

export interface Patience {
  /** Throws `wait-over` after so many seconds; 5 minutes when left out. */
  readonly seconds?: number;
  readonly signal?: AbortSignal;
}

/** Between two looks where no notification comes. Notifications get lost; looking decides. */
const LOOK_MS = 2_000;

/** Looks at the start, at every notification and every 2 seconds, until `look` finds something. */
export async function waitForAccount<T>(
  connection: Connection,
  address: Address,
  look: () => Promise<T | undefined>,
  { seconds = 300, signal }: Patience,
): Promise<T> {
  const over = new AbortController();
  const timer = setTimeout(() => over.abort(new MillraceError("wait-over")), seconds * 1_000);
  const stop = AbortSignal.any(signal ? [over.signal, signal] : [over.signal]);
  const bell = new Bell(stop);
  void listen(connection, address, stop, bell);
  try {
    for (;;) {
      stop.throwIfAborted();
      const found = await look();
      if (found !== undefined) return found;
      await bell.next(LOOK_MS);
    }
  } finally {
    clearTimeout(timer);
    over.abort();
  }
}

async function listen(connection: Connection, address: Address, stop: AbortSignal, bell: Bell): Promise<void> {
  try {
    const { commitment, rpcSubscriptions } = connection;
    const notifications = rpcSubscriptions.accountNotifications(address, { commitment, encoding: "base64" });
    for await (const _ of await notifications.subscribe({ abortSignal: stop })) bell.ring();
  } catch {
    // Without notifications it only takes longer.
  }
}

/** Wakes whoever waits; a ring while nobody waits is kept for the next. */
class Bell {
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(stop: AbortSignal) {
    stop.addEventListener("abort", () => this.ring(), { once: true });
  }

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async next(milliseconds: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, milliseconds);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.wake = undefined;
    }
    this.rung = false;
  }
}
