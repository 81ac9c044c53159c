import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getCancelJobInstruction } from "../generated/instructions/index.js";
import { send } from "../send.js";

/**
 * Cancels a job: no further lease, seconds up to now stay owed. Throws `job-not-cancellable`, `wrong-buyer`,
 * `account-missing`, and whatever `send` throws.
 */
export async function cancelJob(
  connection: Connection,
  { buyer, job }: { readonly buyer: TransactionSigner; readonly job: Address },
): Promise<Signature> {
  return send(connection, { payer: buyer, instructions: [getCancelJobInstruction({ buyer, job })] });
}
