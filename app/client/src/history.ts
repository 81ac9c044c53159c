import { getBase58Encoder, type Address, type ReadonlyUint8Array, type Signature } from "@solana/kit";
import type { Connection } from "./connection.js";
import { MillraceError } from "./errors/MillraceError.js";
import { MILLRACE_PROGRAM_ADDRESS } from "./generated/programs/index.js";

/** The most signatures that one request returns. */
const PAGE = 1_000;
/** How many transactions are asked for at the same time. */
const AT_ONCE = 8;
/** First bytes of an event's instruction data: Anchor's own tag. */
const EVENT_TAG = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d];

/**
 * Every event of the program in the successful transactions that name an account, oldest first, as far back as the
 * endpoint keeps them. Throws `history-incomplete` for a transaction of which it does not tell what happened.
 */
export async function eventsOf(connection: Connection, account: Address): Promise<Uint8Array[]> {
  const signatures = await signaturesOf(connection, account);
  const events: Uint8Array[] = [];
  for (let at = 0; at < signatures.length; at += AT_ONCE) {
    const some = signatures.slice(at, at + AT_ONCE);
    events.push(...(await Promise.all(some.map((signature) => eventsIn(connection, signature)))).flat());
  }
  return events;
}

async function signaturesOf({ rpc, commitment }: Connection, account: Address): Promise<Signature[]> {
  const all: Signature[] = [];
  let before: Signature | undefined;
  for (;;) {
    const page = await rpc
      .getSignaturesForAddress(account, {
        commitment: finality(commitment),
        limit: PAGE,
        ...(before ? { before } : {}),
      })
      .send();
    all.push(...page.filter(({ err }) => err === null).map(({ signature }) => signature));
    before = page.at(-1)?.signature;
    if (page.length < PAGE || !before) return all.reverse();
  }
}

/** Calls of the program to itself, which nobody else can make: its own authority signs them. */
async function eventsIn({ rpc, commitment }: Connection, signature: Signature): Promise<Uint8Array[]> {
  const found = await rpc
    .getTransaction(signature, {
      commitment: finality(commitment),
      encoding: "json",
      maxSupportedTransactionVersion: 0,
    })
    .send();
  if (!found?.meta?.innerInstructions) {
    const message = `the endpoint does not tell everything that happened in transaction ${signature}`;
    throw new MillraceError("history-incomplete", { message });
  }
  // Those out of lookup tables come last: the program may be called by way of one.
  const { writable = [], readonly = [] } = found.meta.loadedAddresses ?? {};
  const keys = [...found.transaction.message.accountKeys, ...writable, ...readonly];
  return found.meta.innerInstructions
    .flatMap(({ instructions }) => [...instructions])
    .filter(({ programIdIndex }) => keys[programIdIndex] === MILLRACE_PROGRAM_ADDRESS)
    .map(({ data }) => getBase58Encoder().encode(data))
    .filter((data) => startsWith(data, EVENT_TAG))
    .map((data) => Uint8Array.from(data).subarray(EVENT_TAG.length));
}

/** Transactions are not told of before they are confirmed. */
function finality(commitment: Connection["commitment"]): "confirmed" | "finalized" {
  return commitment === "finalized" ? "finalized" : "confirmed";
}

export function startsWith(bytes: ReadonlyUint8Array, prefix: ArrayLike<number>): boolean {
  return bytes.length >= prefix.length && Array.from(prefix).every((byte, at) => bytes[at] === byte);
}
