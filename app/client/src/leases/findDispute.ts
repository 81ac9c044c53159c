import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchMaybeDispute, type Dispute } from "../generated/accounts/index.js";
import { findDisputePda } from "../generated/pdas/index.js";

/** The dispute about a lease; `undefined` where there is none, or where it is over. */
export async function findDispute(connection: Connection, lease: Address): Promise<Account<Dispute> | undefined> {
  try {
    const [address] = await findDisputePda({ lease });
    const account = await fetchMaybeDispute(connection.rpc, address, { commitment: connection.commitment });
    return account.exists ? account : undefined;
  } catch (error) {
    throw refusal(error);
  }
}
