import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  allow,
  cancelJob,
  closeBalance,
  closeJob,
  depositBalance,
  disallow,
  extendJob,
  findAllowance,
  findBalance,
  openBalance,
  openJobPrepaid,
  usdcBalance,
  withdrawBalance,
} from "@millrace/client";
import { DEPOSIT, LEASE_SECONDS, Market, terms } from "./market.js";
import { refused } from "./refused.js";

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

const specHash = new Uint8Array(32).fill(7);

test("a balance pays deposits, gets refunds, and is withdrawn and closed", async () => {
  const { connection, buyer, owner } = market;
  const before = await market.buyersMoney();
  assert.equal(await findBalance(connection, buyer.address), undefined);
  await refused(depositBalance(connection, { payer: buyer, amount: 1n }), "account-missing");
  await openBalance(connection, { owner: buyer });
  await refused(openBalance(connection, { owner: buyer }), "already-exists");
  await refused(depositBalance(connection, { payer: buyer, amount: 0n }), "amount-zero");
  await depositBalance(connection, { payer: buyer, amount: 4_000_000n });
  const others = await usdcBalance(connection, owner.address, market.localnet.mint);
  await depositBalance(connection, { payer: owner, owner: buyer.address, amount: 1_000_000n });
  assert.equal(await usdcBalance(connection, owner.address, market.localnet.mint), others - 1_000_000n);
  assert.equal((await findBalance(connection, buyer.address))?.data.balance, 5_000_000n);

  const dear = { ...terms(), deposit: 5_000_001n };
  await refused(openJobPrepaid(connection, { authority: buyer, specHash, terms: dear }), "balance-too-small");
  const opened = await openJobPrepaid(connection, { authority: buyer, id: 9n, specHash, terms: terms() });
  const job = await market.job(opened.address);
  assert.deepEqual([job.data.prepaid, job.data.buyer, job.data.id], [true, buyer.address, 9n]);
  await extendJob(connection, { buyer, job: opened.address, deposit: 500_000n });
  assert.equal((await findBalance(connection, buyer.address))?.data.balance, 5_000_000n - DEPOSIT - 500_000n);
  await refused(closeBalance(connection, { owner: buyer }), "buyer-busy");

  await cancelJob(connection, { buyer, job: opened.address });
  assert.equal((await closeJob(connection, { payer: owner, job: opened.address })).refund, DEPOSIT + 500_000n);
  assert.equal((await findBalance(connection, buyer.address))?.data.balance, 5_000_000n);
  await refused(withdrawBalance(connection, { owner: buyer, amount: 5_000_001n }), "balance-too-small");
  await withdrawBalance(connection, { owner: buyer, amount: 5_000_000n });
  assert.equal(await market.buyersMoney(), before + 1_000_000n);
  await closeBalance(connection, { owner: buyer });
  assert.equal(await findBalance(connection, buyer.address), undefined);
});

test("a delegate opens jobs within its allowance and does nothing else", async () => {
  const { connection, buyer, scheduler: delegate } = market;
  const owner = buyer.address;
  const job = { authority: delegate, owner, specHash, terms: terms() };
  await openBalance(connection, { owner: buyer });
  await depositBalance(connection, { payer: buyer, amount: 5_000_000n });
  await refused(openJobPrepaid(connection, job), "account-missing");
  const expiresAt = (await market.localnet.now()) + 1_000n;
  const grant = { owner: buyer, delegate: delegate.address, perJob: DEPOSIT - 1n, total: 2n * DEPOSIT - 1n, expiresAt };
  await allow(connection, grant);
  await refused(openJobPrepaid(connection, job), "allowance-exceeded");
  await allow(connection, { ...grant, perJob: DEPOSIT });
  const opened = await openJobPrepaid(connection, job);
  assert.equal((await market.job(opened.address)).data.buyer, owner);
  assert.equal((await findAllowance(connection, { owner, delegate: delegate.address }))?.data.spent, DEPOSIT);
  await refused(openJobPrepaid(connection, job), "allowance-exceeded");
  await refused(cancelJob(connection, { buyer: delegate, job: opened.address }), "wrong-buyer");
  await refused(extendJob(connection, { buyer: delegate, job: opened.address, deposit: 1n }), "account-missing");

  await allow(connection, { ...grant, perJob: DEPOSIT, total: 3n * DEPOSIT });
  await market.localnet.pass(1_000n);
  await refused(openJobPrepaid(connection, job), "allowance-expired");
  await disallow(connection, { owner: buyer, delegate: delegate.address });
  await refused(disallow(connection, { owner: buyer, delegate: delegate.address }), "account-missing");
  assert.equal(await findAllowance(connection, { owner, delegate: delegate.address }), undefined);
});

test("a job is extended by money, lease and wait, by its buyer and funder alone", async () => {
  const { connection, buyer, owner } = market;
  const { address: job } = await market.openJob();
  const { startDeadline } = (await market.job(job)).data;
  await extendJob(connection, { buyer, job, deposit: 600_000n, leaseSeconds: 60n, startWindow: 100n });
  const { data } = await market.job(job);
  assert.deepEqual([data.terms.deposit, data.terms.leaseSeconds], [DEPOSIT + 600_000n, LEASE_SECONDS + 60n]);
  assert.equal(data.startDeadline, startDeadline + 100n);
  await refused(extendJob(connection, { buyer, job }), "amount-zero");
  await refused(extendJob(connection, { buyer, funder: owner, job, deposit: 1n }), "wrong-funder");
  await refused(extendJob(connection, { buyer: owner, job, deposit: 1n }), "wrong-buyer");
  await cancelJob(connection, { buyer, job });
  await refused(extendJob(connection, { buyer, job, deposit: 1n }), "job-not-open");
  assert.equal((await closeJob(connection, { payer: buyer, job })).refund, DEPOSIT + 600_000n);
});
