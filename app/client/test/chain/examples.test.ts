import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { address, writeKeyPairSigner } from "@solana/kit";
import { readLease } from "@millrace/client";
import { decrypt, encrypt, identityOf, recipientOf } from "@millrace/client/seal";
import { FakeOrchestrator } from "../fakeOrchestrator.js";
import { Market } from "./market.js";

const run = promisify(execFile);
let market: Market;
let folder: string;
let orchestrator: FakeOrchestrator | undefined;
const ran = new Set<string>(["environment"]);

before(async () => {
  market = await Market.found();
  folder = await mkdtemp(join(tmpdir(), "millrace-examples-"));
  await writeKeyPairSigner(market.buyer, join(folder, "buyer.json"));
  await writeKeyPairSigner(market.owner, join(folder, "funder.json"));
  await writeKeyPairSigner(market.nodeKey, join(folder, "node.json"));
});
after(async () => {
  await market.localnet.stop();
  await rm(folder, { recursive: true });
});

/** What an example prints for the buyer. */
async function example(name: string, ...args: string[]): Promise<string> {
  return exampleOf("buyer", name, ...args);
}

async function exampleOf(person: string, name: string, ...args: string[]): Promise<string> {
  ran.add(name);
  const { rpcUrl, wsUrl } = market.localnet;
  const env = {
    ...process.env,
    MILLRACE_RPC_URL: rpcUrl,
    MILLRACE_WS_URL: wsUrl,
    MILLRACE_KEYPAIR: join(folder, `${person}.json`),
    ...(orchestrator ? { MILLRACE_ORCHESTRATOR_URL: orchestrator.url } : {}),
  };
  return (await run(process.execPath, ["scripts/example.mjs", name, ...args], { env })).stdout;
}

function matched(text: string, pattern: RegExp): RegExpExecArray {
  const found = pattern.exec(text);
  assert.ok(found, `${text} is not ${pattern}`);
  return found;
}

test("a job is opened, found, waited for, and cancelled once", async () => {
  const opened = await example("open-job");
  const [, job, id] = matched(opened, /^(\w+) is open as id (\d+), with a deposit of 0\.416666 USDC\n$/);
  assert.equal(await example("find-job", id!), `${job} is open: 0.000000 USDC of 0.416666 USDC used\n`);
  const over = example("wait-for-job", job!);
  matched(await example("cancel-job", job!), /^cancelled in \w+\n$/);
  assert.equal(await over, "done, 0.000000 USDC used\n");
  const twice =
    "the job is over or being cancelled already: nothing to do: unused money returns to the funder by itself\n";
  assert.equal(await example("cancel-job", job!), twice);
  assert.equal(await example("collect-refund", job!), "0.416666 USDC went back to the funder\n");
  matched(await example("find-job", id!), /^there is no such job/);
});

test("a lease shows while it runs", async () => {
  const { address, id } = await market.openJob();
  const lease = await market.openLease(address);
  await market.localnet.pass(20n);
  await market.settle(lease, { sequence: 1n, seconds: 10n });
  const shown = `${address} is active: 0.010000 USDC of 1.500000 USDC used\n  lease 0 is running, 10 s attested\n`;
  assert.equal(await example("find-job", id.toString()), shown);
});

/** The 32 secret bytes of a wallet that examples read. */
async function secretOf(person: string): Promise<Uint8Array> {
  return Uint8Array.from(JSON.parse(await readFile(join(folder, `${person}.json`), "utf8")) as number[]).subarray(
    0,
    32,
  );
}

test("a secret goes to a lease's rig through an orchestrator that cannot read it", async () => {
  const { address: job } = await market.openJob({ deposit: 600_000n });
  const lease = await market.openLease(job);
  const token = join(folder, "token");
  await writeFile(token, "battery staple");
  const path = `/v1/jobs/${job}/sealed/${lease.address}`;
  orchestrator = await FakeOrchestrator.start([{ method: "PUT", path, status: 204 }]);
  try {
    assert.equal(await example("hand-over-secret", job, lease.address, token), "token is with the rig\n");
  } finally {
    await orchestrator.stop();
  }
  const { body } = orchestrator.requests[0]!;
  orchestrator = undefined;
  assert.ok(!Buffer.from(body).includes("battery staple"));
  const opened = Buffer.from(await decrypt(identityOf(await secretOf("node")), body)).toString("latin1");
  assert.ok(opened.includes(`"token":"${Buffer.from("battery staple").toString("hex")}"`));
  assert.ok(opened.includes(`"lease":"${lease.address}"`));
});

test("an encrypted output is opened with the buyer's wallet", async () => {
  const sealed = await encrypt(recipientOf(market.buyer.address), new TextEncoder().encode("pixels"));
  const path = join(folder, "frame.png");
  await writeFile(`${path}.age`, sealed.bytes);
  assert.equal(await example("open-output", `${path}.age`), `${path} has 6 bytes\n`);
  assert.equal(await readFile(path, "utf8"), "pixels");
});

test("a job without auctions has none that are wrong", async () => {
  const { address: job } = await market.openJob({ deposit: 600_000n });
  const path = `/v1/jobs/${job}/auctions`;
  orchestrator = await FakeOrchestrator.start([{ method: "GET", path, status: 200, body: "[]" }]);
  try {
    assert.equal(await example("audit-auctions", job), "0 auctions, and all of them as they should be\n");
  } finally {
    await orchestrator.stop();
    orchestrator = undefined;
  }
  await example("cancel-job", job);
  await example("collect-refund", job);
});

test("another wallet funds a job, and a job that nobody took refunds it", async () => {
  const printed = await example("fund-job", join(folder, "funder.json"));
  const [, job, funder] = matched(printed, /^(\w+) is open, (\w+) paid 0\.016666 USDC\n$/);
  assert.equal(funder, market.owner.address);
  await market.localnet.pass(901n);
  assert.equal(await example("collect-refund", job!), "0.016666 USDC went back to the funder\n");
});

test("a job gets more money and longer leases", async () => {
  const { address } = await market.openJob();
  const extended = "the deposit is 2.000000 USDC now, and a lease may last 1200 s\n";
  assert.equal(await example("extend-job", address, "0.50"), extended);
});

test("a balance is filled, a delegate opens a job from it, and the rest is taken out", async () => {
  assert.equal(await example("fill-balance", "2.50"), "the balance is 2.500000 USDC\n");
  assert.equal(await example("fill-balance", "0.50"), "the balance is 3.000000 USDC\n");
  const delegate = market.owner.address;
  matched(await example("allow-delegate", delegate), new RegExp(`^${delegate} may open jobs until [0-9TZ:.-]+\n$`));
  const opened = await exampleOf("funder", "open-job-as-delegate", market.buyer.address);
  matched(opened, /^\w+ is open, 4\.983334 USDC of the allowance are left\n$/);
  assert.equal(await example("empty-balance"), "2.983334 USDC are back in the wallet\n");
});

test("a buyer awards a lease itself", async () => {
  const { address: job } = await market.openJob();
  const awarded = await example("award-lease", job, market.node[0], join(folder, "node.json"));
  const [, lease] = matched(awarded, /^(\w+) is open\n$/);
  assert.equal((await readLease(market.connection, address(lease!)))?.data.rentPayer, market.buyer.address);
});

test("a result is accepted, and another one disputed", async () => {
  const reported = async () => {
    const { address: job } = await market.openJob({ payment: 1, disputeWindow: 3_600n });
    const lease = await market.openLease(job);
    await market.settle(lease, { sequence: 1n, seconds: 1n, end: "completed" });
    return lease.address;
  };
  matched(await example("accept-result", await reported()), /^accepted in \w+\n$/);
  const evidence = join(folder, "buyer.json");
  const disputed = await example("dispute-result", await reported(), evidence);
  matched(
    disputed,
    /^disputed with a bond of 1\.000000 USDC; unless somebody rules before [0-9TZ:.-]+, it comes back\n$/,
  );
});

test("every example was run", async () => {
  const all = (await readdir("../../examples/typescript")).filter((name) => name.endsWith(".ts"));
  assert.deepEqual(
    all.map((name) => name.replace(/\.ts$/, "")).filter((name) => !ran.has(name)),
    [],
  );
});
