import { getCreateAssociatedTokenIdempotentInstruction } from "@solana-program/token";
import type { Signature, TransactionSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { getCloseBuyerInstructionAsync } from "../generated/instructions/index.js";
import { send } from "../send.js";
import { tokenAccount } from "../tokens.js";
import { findBalance } from "./findBalance.js";

/** Closes an empty balance; its rent goes back to whoever paid it. Throws what the program refuses with. */
export async function closeBalance(
  connection: Connection,
  { owner }: { readonly owner: TransactionSigner },
): Promise<Signature> {
  const balance = await findBalance(connection, owner.address);
  if (!balance) throw new MillraceError("account-missing");
  const { mint, rentPayer } = balance.data;
  const ownerTokens = await tokenAccount(owner.address, mint);
  const instructions = [
    getCreateAssociatedTokenIdempotentInstruction({ payer: owner, ata: ownerTokens, owner: owner.address, mint }),
    await getCloseBuyerInstructionAsync({ owner, ownerTokens, rentPayer }),
  ];
  return send(connection, { payer: owner, instructions });
}
