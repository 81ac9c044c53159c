import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { AccountRole, address, type Address, type Instruction } from "@solana/kit";
import { fetchProvider } from "@millrace/client/program";
import {
  cancelJob,
  closeJob,
  expireJob,
  findJob,
  findLeases,
  jobState,
  leaseState,
  openJob,
  usdcBalance,
  waitForJob,
  waitForLease,
} from "@millrace/client";
import { DEPOSIT, Market, PRICE, terms } from "./market.js";
import { refused } from "./refused.js";

/** The system program's `Transfer`; its client is no dependency. */
function transferOfLamports(from: Address, to: Address, lamports: bigint): Instruction {
  const data = new Uint8Array(12);
  const view = new DataView(data.buffer);
  view.setUint32(0, 2, true);
  view.setBigUint64(4, lamports, true);
  const accounts = [
    { address: from, role: AccountRole.WRITABLE_SIGNER },
    { address: to, role: AccountRole.WRITABLE },
  ];
  return { programAddress: address("11111111111111111111111111111111"), accounts, data };
}

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

test("a job is paid to the second and the rest comes back", async () => {
  const { connection, buyer, scheduler } = market;
  const before = await market.buyersMoney();
  const opened = await market.openJob();
  assert.equal(await market.buyersMoney(), before - DEPOSIT);
  const found = await findJob(connection, { buyer: buyer.address, id: opened.id });
  assert.equal(found?.address, opened.address);
  assert.equal(jobState(found.data), "open");
  assert.deepEqual(found.data.specHash, new Uint8Array(32).fill(7));

  const active = waitForJob(connection, opened.address, ["active"]);
  const lease = await market.openLease(opened.address);
  assert.equal((await active)?.data.liveLeases, 1);
  assert.equal(leaseState(lease.data), "assigned");
  assert.equal(lease.data.price, PRICE);
  assert.deepEqual(
    (await findLeases(connection, await market.job(opened.address))).map((found) => found.address),
    [lease.address],
  );

  await market.localnet.pass(60n);
  const running = waitForLease(connection, lease.address, ["running"]);
  await market.settle(lease, { sequence: 1n, seconds: 30n });
  assert.equal((await running)?.data.meteredSeconds, 30n);
  const ended = waitForLease(connection, lease.address, ["ended"]);
  const done = waitForJob(connection, opened.address, ["done"]);
  await market.settle(lease, { sequence: 2n, seconds: 60n, end: "completed" });
  assert.equal(await ended, undefined);
  assert.equal((await done)?.data.paid, 57_000n);
  // What a stranger sends to the settled lease's address makes no lease of it.
  await market.send(scheduler, transferOfLamports(scheduler.address, lease.address, 890_880n));
  assert.deepEqual(await findLeases(connection, await market.job(opened.address)), []);

  const gone = waitForJob(connection, opened.address, ["closed"]);
  const closed = await closeJob(connection, { payer: scheduler, job: opened.address });
  assert.equal(closed.refund, DEPOSIT - 60_000n);
  assert.equal(await gone, undefined);
  assert.equal(await findJob(connection, { buyer: buyer.address, id: opened.id }), undefined);
  assert.equal(await market.buyersMoney(), before - 60_000n);
  const provider = await fetchProvider(connection.rpc, market.provider, { commitment: "confirmed" });
  assert.deepEqual([provider.data.earningsOwner, provider.data.earningsFees], [57_000n, 3_000n]);
  assert.equal(provider.data.stakeLocked, 0n);
});

test("a cancelled job owes its seconds and no more", async () => {
  const { connection, buyer } = market;
  const before = await market.buyersMoney();
  const { address: job } = await market.openJob();
  const lease = await market.openLease(job);
  await market.localnet.pass(20n);
  await cancelJob(connection, { buyer, job });
  const cancelling = await market.job(job);
  assert.equal(jobState(cancelling.data), "cancelling");
  const owed = cancelling.data.cancelledAt - lease.data.openedAt;
  await market.localnet.pass(30n);
  // Attested past the cancel: capped, not refused.
  await market.settle(lease, { sequence: 1n, seconds: owed + 10n, end: "released" });
  assert.equal((await closeJob(connection, { payer: buyer, job })).refund, DEPOSIT - owed * 1_000n);
  assert.equal(await market.buyersMoney(), before - owed * 1_000n);
});

test("a job that nobody takes is expired by anyone and refunded whole", async () => {
  const { connection, buyer, owner } = market;
  const before = await market.buyersMoney();
  const { address: job } = await market.openJob({ startWindow: 30n });
  await market.localnet.pass(31n);
  await expireJob(connection, { payer: owner, job });
  assert.equal(jobState((await market.job(job)).data), "expired");
  assert.equal((await closeJob(connection, { payer: owner, job })).refund, DEPOSIT);
  assert.equal(await market.buyersMoney(), before);
  assert.equal(await findJob(connection, { buyer: buyer.address, id: 0n }), undefined);
});

test("a node that never starts pays the buyer", async () => {
  const { connection, buyer } = market;
  const before = await market.buyersMoney();
  const { address: job } = await market.openJob();
  const lease = await market.openLease(job);
  await market.localnet.pass(301n);
  await market.expireLease(lease);
  const penalty = lease.data.bond / 10n;
  const open = await market.job(job);
  assert.equal(jobState(open.data), "open");
  assert.equal(open.data.compensation, penalty);
  await cancelJob(connection, { buyer, job });
  assert.equal((await closeJob(connection, { payer: buyer, job })).refund, DEPOSIT + penalty);
  assert.equal(await market.buyersMoney(), before + penalty);
});

test("somebody else's wallet can pay, and gets the refund", async () => {
  const { connection, owner } = market;
  const { mint } = market.localnet;
  const before = [await market.buyersMoney(), await usdcBalance(connection, owner.address, mint)];
  const specHash = new Uint8Array(32);
  const opened = await openJob(connection, { buyer: market.buyer, funder: owner, id: 77n, specHash, terms: terms() });
  assert.equal(opened.id, 77n);
  assert.equal((await market.job(opened.address)).data.funder, owner.address);
  assert.equal(await usdcBalance(connection, owner.address, mint), before[1]! - DEPOSIT);
  await cancelJob(connection, { buyer: market.buyer, job: opened.address });
  await closeJob(connection, { payer: market.buyer, job: opened.address });
  assert.deepEqual([await market.buyersMoney(), await usdcBalance(connection, owner.address, mint)], before);
});

test("a buyer needs no scheduler: it awards the lease and attests it with a key of its own", async () => {
  const { connection, buyer, scheduler } = market;
  const before = await market.buyersMoney();
  const { address: job } = await market.openJob({}, buyer.address);
  assert.equal((await market.job(job)).data.attestor, buyer.address);
  const lease = await market.openLease(job, buyer);
  assert.deepEqual([lease.data.attestor, lease.data.rentPayer], [buyer.address, buyer.address]);
  await market.localnet.pass(40n);
  const last = { sequence: 1n, seconds: 40n, end: "completed" } as const;
  await refused(market.settle(lease, last, scheduler), "voucher-forged");
  await market.settle(lease, last, buyer);
  await closeJob(connection, { payer: buyer, job });
  assert.equal(await market.buyersMoney(), before - 40_000n);
});
