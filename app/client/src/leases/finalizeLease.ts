import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getFinalizeLeaseInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { parties } from "./parties.js";

/**
 * Anyone's crank for a reported lease to which nobody objected in time: settled as reported. Throws
 * `deadline-not-passed`, `lease-not-reported`, `account-missing`, and whatever `send` throws.
 */
export async function finalizeLease(
  connection: Connection,
  { payer, lease }: { readonly payer: TransactionSigner; readonly lease: Address },
): Promise<Signature> {
  const finalize = await getFinalizeLeaseInstructionAsync(await parties(connection, lease));
  return send(connection, { payer, instructions: [finalize] });
}
