import type { Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { readLease } from "./findLeases.js";

/** The accounts that a lease names, as everything that settles it needs them. Throws `account-missing`. */
export async function parties(connection: Connection, lease: Address) {
  const found = await readLease(connection, lease);
  if (!found) throw new MillraceError("account-missing");
  const { job, provider, rentPayer } = found.data;
  return { job, lease, provider, rentPayer };
}
