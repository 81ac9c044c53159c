import type { Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { getOpenBuyerInstructionAsync } from "../generated/instructions/index.js";
import { network } from "../network.js";
import { send } from "../send.js";

/** Opens an empty prepaid balance, once per owner. Throws `already-exists`, and whatever `send` throws. */
export async function openBalance(
  connection: Connection,
  { owner }: { readonly owner: TransactionSigner },
): Promise<Signature> {
  const { mint } = await network(connection);
  return send(connection, { payer: owner, instructions: [await getOpenBuyerInstructionAsync({ owner, mint })] });
}
