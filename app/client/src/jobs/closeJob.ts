import { getCreateAssociatedTokenIdempotentInstruction } from "@solana-program/token";
import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getCloseJobInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { readJob } from "./findJob.js";

export interface ClosedJob {
  /** What went back to the funder, in micro-USDC. */
  readonly refund: bigint;
  readonly signature: Signature;
}

/**
 * Anyone's crank for a job that is over: everything left goes to the funder's associated token account, which
 * is made first where it is gone. Throws `account-missing`, `job-not-over`, and whatever `send` throws.
 */
export async function closeJob(
  connection: Connection,
  { payer, job }: { readonly payer: TransactionSigner; readonly job: Address },
): Promise<ClosedJob> {
  const found = await readJob(connection, job);
  if (!found) throw new MillraceError("account-missing");
  const { funder, rentPayer, mint, terms, paid, fees, compensation } = found.data;
  const refundAccount = await tokenAccount(funder, mint);
  const signature = await send(connection, {
    payer,
    instructions: [
      getCreateAssociatedTokenIdempotentInstruction({ payer, ata: refundAccount, owner: funder, mint }),
      await getCloseJobInstructionAsync({ job, refundAccount, rentPayer }),
    ],
  });
  return { refund: terms.deposit + compensation - paid - fees, signature };
}
