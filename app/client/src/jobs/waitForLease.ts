import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchMaybeLease, type Lease } from "../generated/accounts/index.js";
import { leaseState, type LeaseState } from "./findJob.js";
import { waitForAccount, type Patience } from "./waitForAccount.js";

/**
 * Waits until a lease is in one of these states. `"ended"` is a lease whose account is gone, and then the
 * answer is `undefined`. Throws `wait-over`.
 */
export async function waitForLease(
  connection: Connection,
  lease: Address,
  states: readonly (LeaseState | "ended")[],
  patience: Patience = {},
): Promise<Account<Lease> | undefined> {
  const look = async () => {
    const found = await readLease(connection, lease);
    const state = found ? leaseState(found.data) : "ended";
    return state !== undefined && states.includes(state) ? { found } : undefined;
  };
  return (await waitForAccount(connection, lease, look, patience)).found;
}

async function readLease(connection: Connection, address: Address): Promise<Account<Lease> | undefined> {
  try {
    const account = await fetchMaybeLease(connection.rpc, address, { commitment: connection.commitment });
    return account.exists ? account : undefined;
  } catch (error) {
    throw refusal(error);
  }
}
