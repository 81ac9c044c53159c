import { getCreateAssociatedTokenIdempotentInstruction } from "@solana-program/token";
import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getExpireDisputeInstructionAsync } from "../generated/instructions/index.js";
import { network } from "../network.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { findDispute } from "./findDispute.js";
import { parties } from "./parties.js";

/**
 * Anyone's crank for a dispute that the arbiter left alone: the lease is settled as reported, and the bond
 * returns to the challenger's associated token account. Throws `deadline-not-passed`, `account-missing`, and
 * whatever `send` throws.
 */
export async function expireDispute(
  connection: Connection,
  { payer, lease }: { readonly payer: TransactionSigner; readonly lease: Address },
): Promise<Signature> {
  const found = await findDispute(connection, lease);
  if (!found) throw new MillraceError("account-missing");
  const { challenger, rentPayer: disputeRentPayer } = found.data;
  const { mint } = await network(connection);
  const challengerTokens = await tokenAccount(challenger, mint);
  const expire = await getExpireDisputeInstructionAsync({
    ...(await parties(connection, lease)),
    disputeRentPayer,
    challengerTokens,
  });
  const account = getCreateAssociatedTokenIdempotentInstruction({
    payer,
    ata: challengerTokens,
    owner: challenger,
    mint,
  });
  return send(connection, { payer, instructions: [account, expire] });
}
