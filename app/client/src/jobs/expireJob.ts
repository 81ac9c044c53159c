import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getExpireJobInstruction } from "../generated/instructions/index.js";
import { send } from "../send.js";

/**
 * Anyone's crank for a job that no node took in time. Throws `deadline-not-passed`, `job-not-open`,
 * `account-missing`, and whatever `send` throws.
 */
export async function expireJob(
  connection: Connection,
  { payer, job }: { readonly payer: TransactionSigner; readonly job: Address },
): Promise<Signature> {
  return send(connection, { payer, instructions: [getExpireJobInstruction({ job })] });
}
