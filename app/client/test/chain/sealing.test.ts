import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeKeyPairSigner, type Address } from "@solana/kit";
import { readJob, readNode } from "@millrace/client";
import { decrypt, identityOf, sealForLease } from "@millrace/client/seal";
import { Market } from "./market.js";
import { refused } from "./refused.js";

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

const secrets = { files: { token: new TextEncoder().encode("battery staple") } };

/** The 32 secret bytes of the rig's key. */
async function nodeSecret(): Promise<Uint8Array> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-sealing-"));
  const path = join(folder, "node.json");
  await writeKeyPairSigner(market.nodeKey, path);
  const bytes = Uint8Array.from(JSON.parse(await readFile(path, "utf8")) as number[]);
  await rm(folder, { recursive: true });
  return bytes.subarray(0, 32);
}

test("a lease's rig, by the chain's word, gets what is sealed, and nobody else does", async () => {
  const { connection, buyer: opener, provider } = market;
  const { address: job } = await market.openJob();
  const { address: lease } = await market.openLease(job);
  const sealing = { opener, job, lease, secrets };
  const envelope = await sealForLease(connection, { ...sealing, placement: { providers: [provider] } });
  const opened = Buffer.from(await decrypt(identityOf(await nodeSecret()), envelope)).toString("latin1");
  const place = `"job":"${job}","node":"${market.node[0]}","lease":"${lease}"`;
  assert.ok(opened.includes(place), opened);

  const { address: other } = await market.openJob();
  await refused(sealForLease(connection, { ...sealing, job: other }), "lease-foreign");
  await refused(sealForLease(connection, { ...sealing, lease: job }), "account-unreadable");
  await refused(sealForLease(connection, { ...sealing, lease: opener.address }), "account-unreadable");
  await refused(readNode(connection, lease), "account-unreadable");
  await refused(readJob(connection, lease), "account-unreadable");
  const nobody = "8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR" as Address;
  await refused(sealForLease(connection, { ...sealing, lease: nobody }), "account-missing");
  for (const placement of [{ providers: [nobody] }, { deniedProviders: [provider] }]) {
    await refused(sealForLease(connection, { ...sealing, placement }), "provider-unwanted");
  }
});
