import assert from "node:assert/strict";
import { test } from "node:test";
import { generateKeyPairSigner, type Address, type Rpc, type SolanaRpcApi } from "@solana/kit";
import { connect, isMillraceError, LEASE_STATES, type Connection } from "@millrace/client";
import {
  getLeaseDecoder,
  getLeaseEncoder,
  getNodeDecoder,
  getNodeEncoder,
  MILLRACE_PROGRAM_ADDRESS,
} from "@millrace/client/program";
import { sealForLease } from "@millrace/client/seal";
import { fromHex, vectors } from "./vectors.js";

const LEASE = "8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR" as Address;

const accounts = await vectors<{ readonly kind: string; readonly data: string }[]>("accounts");
const account = (wanted: string) => fromHex(accounts.find(({ kind }) => kind === wanted)!.data);
const lease = getLeaseDecoder().decode(account("lease"));
const node = getNodeDecoder().decode(account("node"));
const rig = await generateKeyPairSigner();

/** A chain with the lease in this state, and its node. */
function chain(state: number): Connection {
  const read = (address: Address) => {
    if (address === LEASE) return getLeaseEncoder().encode({ ...lease, state });
    assert.equal(address, lease.node);
    return getNodeEncoder().encode({ ...node, nodeKey: rig.address });
  };
  const getAccountInfo = (address: Address) => {
    const data = [Buffer.from(Uint8Array.from(read(address))).toString("base64"), "base64"];
    const value = { data, owner: MILLRACE_PROGRAM_ADDRESS, lamports: 1n, space: 0n };
    return { send: () => Promise.resolve({ value }) };
  };
  const connection = connect({ rpcUrl: "http://127.0.0.1:1", wsUrl: "ws://127.0.0.1:1" });
  return { ...connection, rpc: { getAccountInfo } as unknown as Rpc<SolanaRpcApi> };
}

test("nothing is sealed for a lease that is over", async () => {
  const opener = await generateKeyPairSigner();
  const sealing = { opener, job: lease.job, lease: LEASE, secrets: { files: { token: new Uint8Array(1) } } };
  for (const [state, name] of [...LEASE_STATES, "unknown"].entries()) {
    const sealed = sealForLease(chain(state), sealing);
    if (name === "assigned" || name === "running") assert.ok((await sealed).length > 0, name);
    else await assert.rejects(sealed, (error) => isMillraceError(error, "lease-over"), name);
  }
});
