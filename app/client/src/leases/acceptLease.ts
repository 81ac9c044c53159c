import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getAcceptLeaseInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { parties } from "./parties.js";

/**
 * The buyer's word that nothing is to be disputed: a reported lease is settled as reported, before its window
 * is over. Throws `lease-not-reported`, `not-for-quorum`, `wrong-buyer`, `account-missing`, and whatever
 * `send` throws.
 */
export async function acceptLease(
  connection: Connection,
  { buyer, lease }: { readonly buyer: TransactionSigner; readonly lease: Address },
): Promise<Signature> {
  const accept = await getAcceptLeaseInstructionAsync({ buyer, ...(await parties(connection, lease)) });
  return send(connection, { payer: buyer, instructions: [accept] });
}
