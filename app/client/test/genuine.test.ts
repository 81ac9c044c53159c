import assert from "node:assert/strict";
import { test } from "node:test";
import type { Address, Rpc, SolanaRpcApi } from "@solana/kit";
import { connect, isMillraceError, readJob, readLease, readNode, type Connection } from "@millrace/client";
import {
  JOB_DISCRIMINATOR,
  LEASE_DISCRIMINATOR,
  MILLRACE_PROGRAM_ADDRESS,
  NODE_DISCRIMINATOR,
} from "@millrace/client/program";

const SOMEBODYS = "8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR" as Address;

/** A chain on which every address has this account. */
function chain(owner: Address, data: Uint8Array): Connection {
  const value = { data: [Buffer.from(data).toString("base64"), "base64"], owner, lamports: 1n, space: 0n };
  const rpc = { getAccountInfo: () => ({ send: () => Promise.resolve({ value }) }) };
  const connection = connect({ rpcUrl: "http://127.0.0.1:1", wsUrl: "ws://127.0.0.1:1" });
  return { ...connection, rpc: rpc as unknown as Rpc<SolanaRpcApi> };
}

test("an account that another program has written is none of the market's, whatever it holds", async () => {
  for (const [read, discriminator] of [
    [readJob, JOB_DISCRIMINATOR],
    [readLease, LEASE_DISCRIMINATOR],
    [readNode, NODE_DISCRIMINATOR],
  ] as const) {
    const bytes = new Uint8Array(2_048);
    bytes.set(discriminator);
    assert.equal((await read(chain(MILLRACE_PROGRAM_ADDRESS, bytes), SOMEBODYS))?.address, SOMEBODYS);
    const unreadable = (error: unknown) => isMillraceError(error, "account-unreadable");
    await assert.rejects(read(chain(SOMEBODYS, bytes), SOMEBODYS), unreadable);
    bytes[7]! ^= 1;
    await assert.rejects(read(chain(MILLRACE_PROGRAM_ADDRESS, bytes), SOMEBODYS), unreadable);
  }
});
