import { fetchConfig, type Config } from "./generated/accounts/index.js";
import { findConfigPda } from "./generated/pdas/index.js";
import type { Connection } from "./connection.js";
import { refusal } from "./errors/refusal.js";

/** The network's roles, mint and parameters. Throws `account-missing` where there is no network. */
export async function network(connection: Connection): Promise<Config> {
  try {
    const [address] = await findConfigPda();
    return (await fetchConfig(connection.rpc, address, { commitment: connection.commitment })).data;
  } catch (error) {
    throw refusal(error);
  }
}
