import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getDepositBalanceInstructionAsync } from "../generated/instructions/index.js";
import { findBuyerPda } from "../generated/pdas/index.js";
import { network } from "../network.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";

export interface Deposit {
  /** Whose tokens go in; anyone's may. */
  readonly payer: TransactionSigner;
  /** Of the balance; the payer when left out. */
  readonly owner?: Address;
  /** Micro-USDC. */
  readonly amount: bigint;
}

/** Pays into a balance. Throws `amount-zero`, `insufficient-usdc`, `account-missing`, and whatever `send` throws. */
export async function depositBalance(
  connection: Connection,
  { payer, owner = payer.address, amount }: Deposit,
): Promise<Signature> {
  const { mint } = await network(connection);
  const [balance] = await findBuyerPda({ owner });
  const payerTokens = await tokenAccount(payer.address, mint);
  const deposit = await getDepositBalanceInstructionAsync({ payer, balance, payerTokens, amount });
  return send(connection, { payer, instructions: [deposit] });
}
