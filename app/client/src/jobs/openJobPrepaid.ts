import type { Address, ReadonlyUint8Array, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getOpenJobPrepaidInstructionAsync } from "../generated/instructions/index.js";
import { findAllowancePda, findBuyerPda, findJobPda } from "../generated/pdas/index.js";
import type { JobTerms } from "../generated/types/index.js";
import { network } from "../network.js";
import { send } from "../send.js";
import { checkTerms } from "../terms/checkTerms.js";
import { randomId, type OpenedJob } from "./openJob.js";

export interface NewPrepaidJob {
  /** The balance's owner, or a delegate with an allowance. Pays the job's rent and gets it back. */
  readonly authority: TransactionSigner;
  /** Of the balance; the buyer of the job. The authority when left out. */
  readonly owner?: Address;
  /** Any number that names none of the buyer's live jobs; a random one when left out. */
  readonly id?: bigint;
  /** 32 bytes, see `specHash`. */
  readonly specHash: ReadonlyUint8Array;
  /** See `jobTerms`. */
  readonly terms: JobTerms;
  /** Whose vouchers count; the network's scheduler when left out. */
  readonly attestor?: Address;
}

/**
 * Opens a job with its deposit from a prepaid balance, into which it is refunded. Throws `terms-invalid`,
 * `deposit-too-small`, `balance-too-small`, `allowance-exceeded`, `allowance-expired`, `already-exists`,
 * `account-missing` without a balance or an allowance, and whatever `send` throws.
 */
export async function openJobPrepaid(connection: Connection, job: NewPrepaidJob): Promise<OpenedJob> {
  checkTerms(job.terms);
  const { authority, owner = authority.address, id = randomId(), specHash, terms, attestor = null } = job;
  const { mint } = await network(connection);
  const [balance] = await findBuyerPda({ owner });
  const isOwner = authority.address === owner;
  const [allowance] = await findAllowancePda({ buyer: balance, delegate: authority.address });
  const pda = await findJobPda({ buyer: owner, id });
  const instruction = await getOpenJobPrepaidInstructionAsync({
    authority,
    balance,
    ...(!isOwner && { allowance }),
    job: pda,
    mint,
    id,
    specHash,
    terms,
    attestor,
  });
  const signature = await send(connection, { payer: authority, instructions: [instruction] });
  return { address: pda[0], id, signature };
}
