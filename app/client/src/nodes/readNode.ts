import type { Account, Address } from "@solana/kit";
import type { Connection } from "../connection.js";
import { refusal } from "../errors/refusal.js";
import { fetchMaybeNode, NODE_DISCRIMINATOR, type Node } from "../generated/accounts/index.js";
import { genuine } from "../genuine.js";

/** Reads a node by its address; `undefined` where there is none, or where it was removed. */
export async function readNode(connection: Connection, address: Address): Promise<Account<Node> | undefined> {
  try {
    const account = await fetchMaybeNode(connection.rpc, address, { commitment: connection.commitment });
    return genuine(account, NODE_DISCRIMINATOR);
  } catch (error) {
    throw refusal(error);
  }
}
