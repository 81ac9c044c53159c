import type { Address, ReadonlyUint8Array, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getOpenJobInstructionAsync } from "../generated/instructions/index.js";
import { findJobPda } from "../generated/pdas/index.js";
import type { JobTerms } from "../generated/types/index.js";
import { formatUsdc } from "../money.js";
import { network } from "../network.js";
import { send } from "../send.js";
import { checkTerms } from "../terms/checkTerms.js";
import { tokenAccount, usdcBalance } from "../tokens.js";

export interface NewJob {
  /** May cancel the job. */
  readonly buyer: TransactionSigner;
  /** Pays deposit, rent and fee, and gets back what is left; the buyer when left out. */
  readonly funder?: TransactionSigner;
  /** Any number that names none of the buyer's live jobs; a random one when left out. */
  readonly id?: bigint;
  /** 32 bytes, see `specHash`. */
  readonly specHash: ReadonlyUint8Array;
  /** See `jobTerms`. */
  readonly terms: JobTerms;
  /** Whose vouchers count; the network's scheduler when left out. */
  readonly attestor?: Address;
}

export interface OpenedJob {
  readonly address: Address;
  readonly id: bigint;
  readonly signature: Signature;
}

/**
 * Opens a job and moves its deposit into the job's own vault. The terms and the funder's balance are checked
 * before anything is sent. Throws `terms-invalid`, `deposit-too-small`, `insufficient-usdc`,
 * `already-exists` for an id in use, and whatever `send` throws.
 */
export async function openJob(connection: Connection, job: NewJob): Promise<OpenedJob> {
  checkTerms(job.terms);
  const { buyer, funder = buyer, id = randomId(), specHash, terms, attestor = null } = job;
  const { mint } = await network(connection);
  const available = await usdcBalance(connection, funder.address, mint);
  if (available < terms.deposit) {
    const message = `${funder.address} has ${formatUsdc(available)} and needs ${formatUsdc(terms.deposit)}`;
    throw new MillraceError("insufficient-usdc", { message });
  }
  const [address] = await findJobPda({ buyer: buyer.address, id });
  const instruction = await getOpenJobInstructionAsync({
    buyer,
    funder,
    funderTokens: await tokenAccount(funder.address, mint),
    mint,
    id,
    specHash,
    terms,
    attestor,
  });
  const signature = await send(connection, { payer: funder, instructions: [instruction] });
  return { address, id, signature };
}

/** 64 random bits. */
export function randomId(): bigint {
  return crypto.getRandomValues(new BigUint64Array(1))[0]!;
}
