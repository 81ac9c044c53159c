import { fetchMaybeToken, findAssociatedTokenPda, TOKEN_PROGRAM_ADDRESS } from "@solana-program/token";
import type { Address } from "@solana/kit";
import type { Connection } from "./connection.js";
import { refusal } from "./errors/refusal.js";

/** An owner's associated token account. */
export async function tokenAccount(owner: Address, mint: Address): Promise<Address> {
  const [address] = await findAssociatedTokenPda({ owner, mint, tokenProgram: TOKEN_PROGRAM_ADDRESS });
  return address;
}

/** What an owner has in its associated token account, in micro-USDC; 0 where it has none. */
export async function usdcBalance(connection: Connection, owner: Address, mint: Address): Promise<bigint> {
  try {
    const account = await fetchMaybeToken(connection.rpc, await tokenAccount(owner, mint), {
      commitment: connection.commitment,
    });
    return account.exists ? account.data.amount : 0n;
  } catch (error) {
    throw refusal(error);
  }
}
