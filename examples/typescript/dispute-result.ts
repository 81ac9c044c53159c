// Disputes what a lease reported. The evidence stays with you until the arbiter asks; its hash goes on chain.
//
//   npm run example dispute-result LEASE EVIDENCE_FILE
import { readFile } from "node:fs/promises";
import { address } from "@solana/kit";
import { findDispute, formatUsdc, openDispute } from "@millrace/client";
import { argument, network, wallet } from "./environment.js";

const [connection, challenger] = [network(), await wallet()];
const lease = address(argument(0, "the lease's address"));
const evidence = await readFile(argument(1, "the file with your evidence"));
const evidenceHash = new Uint8Array(await crypto.subtle.digest("SHA-256", evidence));
await openDispute(connection, { challenger, lease, evidenceHash });
const { bond, decideBy } = (await findDispute(connection, lease))!.data;
const when = new Date(Number(decideBy) * 1_000).toISOString();
console.log(`disputed with a bond of ${formatUsdc(bond)}; unless somebody rules before ${when}, it comes back`);
