import type { Address, Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getCloseAllowanceInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { findAllowance } from "./findBalance.js";

/** Takes a delegate's allowance away; its rent goes back to whoever paid it. Throws `account-missing`. */
export async function disallow(
  connection: Connection,
  { owner, delegate }: { readonly owner: TransactionSigner; readonly delegate: Address },
): Promise<Signature> {
  const found = await findAllowance(connection, { owner: owner.address, delegate });
  if (!found) throw new MillraceError("account-missing");
  const { rentPayer } = found.data;
  const close = await getCloseAllowanceInstructionAsync({ owner, allowance: found.address, rentPayer });
  return send(connection, { payer: owner, instructions: [close] });
}
