import { getCreateAssociatedTokenIdempotentInstruction } from "@solana-program/token";
import type { Account, Address, Instruction, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import type { Job } from "../generated/accounts/index.js";
import { getCloseJobInstruction, getCloseJobPrepaidInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { readJob } from "./findJob.js";

export interface ClosedJob {
  /** What went back to the funder, or into the prepaid balance, in micro-USDC. */
  readonly refund: bigint;
  readonly signature: Signature;
}

/**
 * Anyone's crank for a job that is over: everything left goes to the funder's associated token account, which
 * is made first where it is gone, or into the prepaid balance it came from. Throws `account-missing`,
 * `job-not-over`, and whatever `send` throws.
 */
export async function closeJob(
  connection: Connection,
  { payer, job }: { readonly payer: TransactionSigner; readonly job: Address },
): Promise<ClosedJob> {
  const found = await readJob(connection, job);
  if (!found) throw new MillraceError("account-missing");
  const { terms, paid, fees, compensation } = found.data;
  const instructions = found.data.prepaid ? await intoBalance(found) : await toFunder(payer, found);
  const signature = await send(connection, { payer, instructions });
  return { refund: terms.deposit + compensation - paid - fees, signature };
}

async function toFunder(payer: TransactionSigner, { address: job, data }: Account<Job>): Promise<Instruction[]> {
  const { funder, jobVault, rentPayer, mint } = data;
  const refundAccount = await tokenAccount(funder, mint);
  return [
    getCreateAssociatedTokenIdempotentInstruction({ payer, ata: refundAccount, owner: funder, mint }),
    getCloseJobInstruction({ job, jobVault, refundAccount, rentPayer }),
  ];
}

async function intoBalance({ address: job, data }: Account<Job>): Promise<Instruction[]> {
  const { funder: balance, jobVault, rentPayer } = data;
  return [await getCloseJobPrepaidInstructionAsync({ job, jobVault, balance, rentPayer })];
}
