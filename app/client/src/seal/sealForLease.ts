import type { Address, MessagePartialSigner } from "@solana/kit";
import type { Connection } from "../connection.js";
import { MillraceError } from "../errors/MillraceError.js";
import { leaseState, readLease } from "../leases/findLeases.js";
import { readNode } from "../nodes/readNode.js";
import type { Placement } from "../spec/placement.js";
import { seal } from "./envelope.js";
import type { Secrets } from "./secrets.js";

export interface Sealing {
  /** Who opened the job: its buyer, or a delegate. */
  readonly opener: MessagePartialSigner;
  readonly job: Address;
  /** As the orchestrator tells it; what it is, is read from the chain. */
  readonly lease: Address;
  readonly secrets: Secrets;
  /** The spec's, where it names providers: the chain does not hold a lease to it, a buyer with secrets does. */
  readonly placement?: Placement;
}

/**
 * Seals what a lease's rig needs to the key that its node has on chain: whoever carries the envelope could name a node
 * of its own. Throws `account-missing` for a lease that is not there yet or is settled, `lease-foreign`, `lease-over`,
 * `provider-unwanted`, and whatever `seal` throws.
 */
export async function sealForLease(connection: Connection, sealing: Sealing): Promise<Uint8Array> {
  const { opener, job, lease, secrets, placement } = sealing;
  const found = await readLease(connection, lease);
  if (!found) throw new MillraceError("account-missing");
  const { node, provider } = found.data;
  if (found.data.job !== job) throw new MillraceError("lease-foreign", { message: `${lease} is no lease of ${job}` });
  const state = leaseState(found.data);
  if (state !== "assigned" && state !== "running") {
    const message = `${lease} is ${state ?? "in a state that this package does not know"}: its rig runs nothing more`;
    throw new MillraceError("lease-over", { message });
  }
  if (!isWanted(provider, placement)) {
    const message = `${provider} is none of the providers that the job accepts, and its rig has a lease of the job`;
    throw new MillraceError("provider-unwanted", { message });
  }
  const rig = await readNode(connection, node);
  if (!rig) throw new MillraceError("account-missing");
  return seal(secrets, { job, node, lease }, rig.data.nodeKey, opener);
}

function isWanted(provider: Address, { providers = [], deniedProviders = [] }: Placement = {}): boolean {
  return (providers.length === 0 || providers.includes(provider)) && !deniedProviders.includes(provider);
}
