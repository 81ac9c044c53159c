import { getCreateAssociatedTokenIdempotentInstruction } from "@solana-program/token";
import type { Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getWithdrawBalanceInstructionAsync } from "../generated/instructions/index.js";
import { network } from "../network.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";

/**
 * Takes micro-USDC out of the owner's balance, into the owner's associated token account, which is made first
 * where it is gone. Throws `amount-zero`, `balance-too-small`, `account-missing`, and whatever `send` throws.
 */
export async function withdrawBalance(
  connection: Connection,
  { owner, amount }: { readonly owner: TransactionSigner; readonly amount: bigint },
): Promise<Signature> {
  const { mint } = await network(connection);
  const ownerTokens = await tokenAccount(owner.address, mint);
  const instructions = [
    getCreateAssociatedTokenIdempotentInstruction({ payer: owner, ata: ownerTokens, owner: owner.address, mint }),
    await getWithdrawBalanceInstructionAsync({ owner, ownerTokens, amount }),
  ];
  return send(connection, { payer: owner, instructions });
}
