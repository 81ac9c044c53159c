import type { Address, ReadonlyUint8Array, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getOpenDisputeInstructionAsync } from "../generated/instructions/index.js";
import { readJob } from "../jobs/findJob.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { readLease } from "./findLeases.js";

export interface Challenge {
  /** The job's buyer, or the network's scheduler where results are spot-checked. Pays the bond. */
  readonly challenger: TransactionSigner;
  readonly lease: Address;
  /** 32 bytes: SHA-256 of the evidence, which stays off chain. */
  readonly evidenceHash: ReadonlyUint8Array;
}

/**
 * Challenges a reported lease while its window is open, with a bond: 10 % of what it is owed, at least 1 USDC,
 * unless the network's parameters say otherwise. Throws `lease-not-reported`, `deadline-passed`,
 * `not-for-quorum`, `wrong-challenger`, `insufficient-usdc`, `account-missing`, and whatever `send` throws.
 */
export async function openDispute(
  connection: Connection,
  { challenger, lease, evidenceHash }: Challenge,
): Promise<Signature> {
  const found = await readLease(connection, lease);
  const job = found && (await readJob(connection, found.data.job));
  if (!job) throw new MillraceError("account-missing");
  const dispute = await getOpenDisputeInstructionAsync({
    challenger,
    challengerTokens: await tokenAccount(challenger.address, job.data.mint),
    job: job.address,
    lease,
    evidenceHash,
  });
  return send(connection, { payer: challenger, instructions: [dispute] });
}
