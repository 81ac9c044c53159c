import type { Address, MessagePartialSigner } from "@solana/kit";
import { request } from "../orchestrator/request.js";

export interface HandOver {
  /** Who opened the job: its buyer, or a delegate. */
  readonly opener: MessagePartialSigner;
  readonly job: Address;
  readonly lease: Address;
  /** See `sealForLease`. */
  readonly envelope: Uint8Array;
  readonly signal?: AbortSignal;
}

/**
 * Has the orchestrator bring an envelope to its lease's rig; returns once the rig has opened and kept it. Throws
 * `orchestrator-unreachable`, `orchestrator-refused` (a rig that is away, a lease that it has not seen yet: try again
 * within the wait that the task's status names) and `orchestrator-foreign`.
 */
export async function handOver(orchestratorUrl: string, { opener, envelope, ...order }: HandOver): Promise<void> {
  const path = `/v1/jobs/${order.job}/sealed/${order.lease}`;
  const abort = order.signal ? { signal: order.signal } : {};
  await request(orchestratorUrl, { method: "PUT", path, body: envelope, signer: opener, ...abort });
}
