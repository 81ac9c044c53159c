import type { Account, MaybeAccount, ReadonlyUint8Array } from "@solana/kit";
import { MillraceError } from "./errors/MillraceError.js";
import { MILLRACE_PROGRAM_ADDRESS } from "./generated/programs/index.js";

/**
 * The account, where there is one. Throws `account-unreadable` for one that is not the program's, or of another kind: the
 * bytes of almost any account can be read as any other's, and anybody may put bytes on chain.
 */
export function genuine<T extends { readonly discriminator: ReadonlyUint8Array }>(
  account: MaybeAccount<T>,
  discriminator: ReadonlyUint8Array,
): Account<T> | undefined {
  if (!account.exists) return undefined;
  const isKind = discriminator.every((byte, at) => byte === account.data.discriminator[at]);
  if (account.programAddress !== MILLRACE_PROGRAM_ADDRESS || !isKind) throw new MillraceError("account-unreadable");
  return account;
}
