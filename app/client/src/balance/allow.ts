import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import {
  getChangeAllowanceInstructionAsync,
  getOpenAllowanceInstructionAsync,
} from "../generated/instructions/index.js";
import { send } from "../send.js";
import { findAllowance } from "./findBalance.js";

export interface Grant {
  /** Of the balance. */
  readonly owner: TransactionSigner;
  /** May open jobs from the balance, nothing else. */
  readonly delegate: Address;
  /** Highest deposit of one job, in micro-USDC. */
  readonly perJob: bigint;
  /** Highest sum of all deposits ever, in micro-USDC; refunds do not count against it. */
  readonly total: bigint;
  /** Unix seconds; from then on the delegate opens nothing. */
  readonly expiresAt: bigint;
}

/** Lets a delegate open jobs, or changes how far it may go; what it spent stays spent. Throws `account-missing`. */
export async function allow(connection: Connection, { owner, delegate, ...terms }: Grant): Promise<Signature> {
  const found = await findAllowance(connection, { owner: owner.address, delegate });
  const instruction = found
    ? await getChangeAllowanceInstructionAsync({ owner, allowance: found.address, terms })
    : await getOpenAllowanceInstructionAsync({ owner, delegate, terms });
  return send(connection, { payer: owner, instructions: [instruction] });
}
