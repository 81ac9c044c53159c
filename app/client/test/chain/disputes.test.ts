import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  acceptLease,
  cancelJob,
  closeJob,
  expireDispute,
  finalizeLease,
  findDispute,
  jobState,
  leaseState,
  openDispute,
  readLease,
  RULINGS,
  tokenAccount,
  type JobTerms,
} from "@millrace/client";
import { getResolveDisputeInstructionAsync } from "@millrace/client/program";
import { DEPOSIT, Market } from "./market.js";
import { refused } from "./refused.js";

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

const HOUR = 3_600n;
const onResult: Partial<JobTerms> = { payment: 1, disputeWindow: HOUR };
const evidenceHash = new Uint8Array(32).fill(9);
/** The least bond. */
const BOND = 1_000_000n;

/** A lease of 60 seconds, 60 000 micro-USDC, that waits for the buyer's word. */
async function reported() {
  const { address: job } = await market.openJob(onResult);
  const lease = await market.openLease(job);
  await market.localnet.pass(60n);
  await market.settle(lease, { sequence: 1n, seconds: 60n, end: "completed" });
  assert.equal(leaseState((await readLease(market.connection, lease.address))!.data), "reported");
  assert.equal((await market.job(job)).data.paid, 0n);
  return { job, lease: lease.address };
}

test("a reported lease is settled by its buyer's word before the window is over", async () => {
  const { connection, buyer, owner } = market;
  const before = await market.buyersMoney();
  const { job, lease } = await reported();
  await refused(finalizeLease(connection, { payer: owner, lease }), "deadline-not-passed");
  await refused(acceptLease(connection, { buyer: owner, lease }), "wrong-buyer");
  await acceptLease(connection, { buyer, lease });
  assert.equal(await readLease(connection, lease), undefined);
  await refused(acceptLease(connection, { buyer, lease }), "account-missing");
  assert.equal((await closeJob(connection, { payer: owner, job })).refund, DEPOSIT - 60_000n);
  assert.equal(await market.buyersMoney(), before - 60_000n);
});

test("anyone settles a lease whose window is over, and then it cannot be disputed", async () => {
  const { connection, buyer, owner } = market;
  const { job, lease } = await reported();
  await market.localnet.pass(HOUR);
  await refused(openDispute(connection, { challenger: buyer, lease, evidenceHash }), "deadline-passed");
  await finalizeLease(connection, { payer: owner, lease });
  assert.equal((await market.job(job)).data.paid, 57_000n);
});

test("a buyer that is right keeps the pay, its bond and the provider's", async () => {
  const { connection, buyer, arbiter, owner } = market;
  const before = await market.buyersMoney();
  const { job, lease } = await reported();
  const { provider, rentPayer } = (await readLease(connection, lease))!.data;
  await refused(openDispute(connection, { challenger: owner, lease, evidenceHash }), "wrong-challenger");
  await openDispute(connection, { challenger: buyer, lease, evidenceHash });
  const dispute = await findDispute(connection, lease);
  assert.deepEqual(dispute?.data.evidenceHash, evidenceHash);
  assert.deepEqual([dispute.data.challenger, dispute.data.bond], [buyer.address, BOND]);
  assert.equal(await market.buyersMoney(), before - DEPOSIT - BOND);
  await refused(openDispute(connection, { challenger: buyer, lease, evidenceHash }), "lease-not-reported");
  await refused(acceptLease(connection, { buyer, lease }), "lease-not-reported");
  await refused(expireDispute(connection, { payer: owner, lease }), "deadline-not-passed");

  const resolve = await getResolveDisputeInstructionAsync({
    arbiter,
    job,
    lease,
    provider,
    rentPayer,
    disputeRentPayer: dispute.data.rentPayer,
    challengerTokens: await tokenAccount(buyer.address, market.localnet.mint),
    ruling: RULINGS.indexOf("buyer-right"),
  });
  await market.send(buyer, resolve);
  assert.equal(await findDispute(connection, lease), undefined);
  // The attempt counts as failed: the job waits for another node.
  assert.equal(jobState((await market.job(job)).data), "open");
  await cancelJob(connection, { buyer, job });
  await closeJob(connection, { payer: owner, job });
  // Nothing was paid for the lease yet, so the bond has nothing to make good.
  assert.equal(await market.buyersMoney(), before);
});

test("a dispute that nobody rules on ends as reported, and the bond comes back", async () => {
  const { connection, buyer, owner } = market;
  const before = await market.buyersMoney();
  const { job, lease } = await reported();
  await refused(expireDispute(connection, { payer: owner, lease }), "account-missing");
  await openDispute(connection, { challenger: buyer, lease, evidenceHash });
  await market.localnet.pass(7n * 24n * HOUR);
  await expireDispute(connection, { payer: owner, lease });
  assert.equal((await market.job(job)).data.paid, 57_000n);
  assert.equal(await market.buyersMoney(), before - DEPOSIT);
  await closeJob(connection, { payer: owner, job });
  assert.equal(await market.buyersMoney(), before - 60_000n);
});

test("a streaming lease without a window is settled with its last voucher", async () => {
  const { connection, buyer } = market;
  const { address: job } = await market.openJob();
  const lease = await market.openLease(job);
  await refused(
    openDispute(connection, { challenger: buyer, lease: lease.address, evidenceHash }),
    "lease-not-reported",
  );
  await market.settle(lease, { sequence: 1n, seconds: 0n, end: "released" });
  await refused(openDispute(connection, { challenger: buyer, lease: lease.address, evidenceHash }), "account-missing");
});
