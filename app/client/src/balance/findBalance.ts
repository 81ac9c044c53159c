import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchMaybeAllowance, fetchMaybeBuyer, type Allowance, type Buyer } from "../generated/accounts/index.js";
import { findAllowancePda, findBuyerPda } from "../generated/pdas/index.js";

/** A buyer's prepaid balance; `undefined` where it was never opened. */
export async function findBalance(connection: Connection, owner: Address): Promise<Account<Buyer> | undefined> {
  try {
    const [address] = await findBuyerPda({ owner });
    const account = await fetchMaybeBuyer(connection.rpc, address, { commitment: connection.commitment });
    return account.exists ? account : undefined;
  } catch (error) {
    throw refusal(error);
  }
}

/** What a delegate may still open jobs with; `undefined` where it was never allowed anything. */
export async function findAllowance(
  connection: Connection,
  { owner, delegate }: { readonly owner: Address; readonly delegate: Address },
): Promise<Account<Allowance> | undefined> {
  try {
    const [buyer] = await findBuyerPda({ owner });
    const [address] = await findAllowancePda({ buyer, delegate });
    const account = await fetchMaybeAllowance(connection.rpc, address, { commitment: connection.commitment });
    return account.exists ? account : undefined;
  } catch (error) {
    throw refusal(error);
  }
}
