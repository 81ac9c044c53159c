import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getExtendJobInstruction, getExtendJobPrepaidInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { readJob } from "./findJob.js";

export interface Extension {
  readonly buyer: TransactionSigner;
  /** Who paid the deposit, and pays more of it; the buyer when left out. A prepaid job's is the balance. */
  readonly funder?: TransactionSigner;
  readonly job: Address;
  /** More money, in micro-USDC. */
  readonly deposit?: bigint;
  /** Added to the longest lease, in seconds. */
  readonly leaseSeconds?: bigint;
  /** Added to the time an open job waits for a node, in seconds. */
  readonly startWindow?: bigint;
}

/**
 * Gives a job more money, longer leases or a longer wait, also while it runs. Throws `amount-zero` when
 * nothing is added, `job-not-open`, `start-deadline-passed`, `wrong-buyer`, `wrong-funder`, `account-missing`,
 * and whatever `send` throws.
 */
export async function extendJob(connection: Connection, extension: Extension): Promise<Signature> {
  const { buyer, funder = buyer, job } = extension;
  const { deposit = 0n, leaseSeconds = 0n, startWindow = 0n } = extension;
  const found = await readJob(connection, job);
  if (!found) throw new MillraceError("account-missing");
  const { jobVault, mint, prepaid } = found.data;
  const more = { job, jobVault, deposit, leaseSeconds, startWindow };
  const instruction = prepaid
    ? await getExtendJobPrepaidInstructionAsync({ owner: buyer, ...more })
    : getExtendJobInstruction({ buyer, funder, funderTokens: await tokenAccount(funder.address, mint), ...more });
  return send(connection, { payer: buyer, instructions: [instruction] });
}
