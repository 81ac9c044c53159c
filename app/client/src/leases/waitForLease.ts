import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import type { Lease } from "../generated/accounts/index.js";
import { waitForAccount, type Patience } from "../waitForAccount.js";
import { leaseState, readLease, type LeaseState } from "./findLeases.js";

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
