import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createNoopSigner, generateKeyPairSigner, type Address, type SignatureBytes } from "@solana/kit";
import { getCreateAssociatedTokenIdempotentInstruction, getTransferInstruction } from "@solana-program/token";
import {
  cancelJob,
  closeJob,
  connect,
  expireJob,
  network,
  openJob,
  readJob,
  send,
  signatureCheck,
  tokenAccount,
  waitForJob,
  type ErrorCode,
  type JobTerms,
} from "@millrace/client";
import {
  findConfigPda,
  getCancelJobInstruction,
  getOpenJobInstructionAsync,
  getSettleInstructionAsync,
} from "@millrace/client/program";
import { DEPOSIT, Market, PURSE, terms } from "./market.js";
import { refused } from "./refused.js";

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

const NOBODY = "11111111111111111111111111111112" as Address;
const specHash = new Uint8Array(32);
const refusedTerms: [ErrorCode, Partial<JobTerms>][] = [
  ["terms-invalid", { units: 0 }],
  ["terms-invalid", { units: 65_536 }],
  ["terms-invalid", { concurrentLeases: 0 }],
  ["terms-invalid", { leaseSeconds: 9n }],
  ["terms-invalid", { leaseSeconds: 2_592_001n }],
  ["terms-invalid", { startWindow: 0n }],
  ["terms-invalid", { startWindow: 2_592_001n }],
  ["terms-invalid", { gpuClasses: 1n << 63n }],
  ["terms-invalid", { regions: 0x8000_0000 }],
  ["terms-invalid", { disputeWindow: 604_801n }],
  ["terms-invalid", { serviceLevel: 3 }],
  ["terms-invalid", { payment: 2 }],
  ["terms-invalid", { verification: 4 }],
  ["terms-invalid", { verification: 1, spotCheckBps: 0, disputeWindow: 1n }],
  ["terms-invalid", { verification: 1, spotCheckBps: 10_001, disputeWindow: 1n }],
  ["terms-invalid", { verification: 1, spotCheckBps: 500, disputeWindow: 0n }],
  ["terms-invalid", { verification: 2, quorumNeeded: 2, quorumSize: 3, payment: 0, concurrentLeases: 3 }],
  ["terms-invalid", { verification: 2, quorumNeeded: 2, quorumSize: 3, payment: 1, concurrentLeases: 2 }],
  ["terms-invalid", { verification: 2, quorumNeeded: 1, quorumSize: 1, payment: 1, concurrentLeases: 1 }],
  ["terms-invalid", { verification: 2, quorumNeeded: 2, quorumSize: 4, payment: 1, concurrentLeases: 4 }],
  ["terms-invalid", { verification: 2, quorumNeeded: 5, quorumSize: 8, payment: 1, concurrentLeases: 8 }],
  ["terms-invalid", { verification: 3, hardwareClass: 0 }],
  ["terms-invalid", { verification: 3, hardwareClass: 3 }],
  ["deposit-too-small", { verification: 2, quorumNeeded: 2, quorumSize: 3, payment: 1, concurrentLeases: 3 }],
  ["deposit-too-small", { deposit: 599_999n }],
  ["deposit-too-small", { deposit: 0n, maximumPrice: 0n }],
  ["overflow", { maximumPrice: 2n ** 64n - 1n, units: 2, leaseSeconds: 3_600n }],
];

test("the program refuses the same terms as this package does before sending", async () => {
  const { connection, buyer, localnet } = market;
  const funderTokens = await tokenAccount(buyer.address, localnet.mint);
  for (const [code, changes] of refusedTerms) {
    const wrong = { ...terms(), ...changes };
    await refused(openJob(connection, { buyer, specHash, terms: wrong }), code);
    // What does not fit the field has no bytes to send.
    if (wrong.units > 65_535) continue;
    const accounts = { buyer, funder: buyer, funderTokens, mint: localnet.mint };
    const instruction = await getOpenJobInstructionAsync({
      ...accounts,
      id: 1n,
      specHash,
      terms: wrong,
      attestor: null,
    });
    await refused(market.send(buyer, instruction), code);
  }
  assert.equal(await market.buyersMoney(), PURSE);
});

test("money that is not there is named before and by the chain", async () => {
  const { connection, buyer } = market;
  const dear = { ...terms(), deposit: PURSE + 1n };
  await assert.rejects(openJob(connection, { buyer, specHash, terms: dear }), {
    code: "insufficient-usdc",
    message: `${buyer.address} has 10.000000 USDC and needs 10.000001 USDC`,
  });
  const pauper = await generateKeyPairSigner();
  await refused(market.send(pauper, getCancelJobInstruction({ buyer: pauper, job: NOBODY })), "insufficient-sol");
  // Rent of the job is asked of the funder after its tokens were found.
  const poor = await generateKeyPairSigner();
  const { mint } = market.localnet;
  const [source, ata] = await Promise.all([tokenAccount(buyer.address, mint), tokenAccount(poor.address, mint)]);
  await market.send(
    buyer,
    getCreateAssociatedTokenIdempotentInstruction({ payer: buyer, ata, owner: poor.address, mint }),
    getTransferInstruction({ source, destination: ata, authority: buyer, amount: DEPOSIT }),
  );
  const accounts = { buyer, funder: poor, funderTokens: ata, mint };
  const open = await getOpenJobInstructionAsync({ ...accounts, id: 5n, specHash, terms: terms(), attestor: null });
  await refused(market.send(buyer, open), "insufficient-sol");
});

test("what was done before, and what is not there, is told by its kind", async () => {
  const { connection, buyer, owner } = market;
  const job = { buyer, id: 2n, specHash, terms: terms() };
  const { address } = await openJob(connection, job);
  await refused(openJob(connection, job), "already-exists");
  await refused(cancelJob(connection, { buyer, job: NOBODY }), "account-missing");
  await refused(closeJob(connection, { payer: buyer, job: NOBODY }), "account-missing");
  await refused(cancelJob(connection, { buyer: owner, job: address }), "wrong-buyer");
  await refused(closeJob(connection, { payer: buyer, job: address }), "job-not-over");
  await refused(expireJob(connection, { payer: buyer, job: address }), "deadline-not-passed");
  await cancelJob(connection, { buyer, job: address });
  await refused(cancelJob(connection, { buyer, job: address }), "job-not-cancellable");
  await closeJob(connection, { payer: buyer, job: address });
  await refused(cancelJob(connection, { buyer, job: address }), "account-missing");
  await refused(readJob(connection, (await findConfigPda())[0]), "account-unreadable");
});

test("vouchers that are stale, early, forged or bare move nothing", async () => {
  const { address: job } = await market.openJob();
  const lease = await market.openLease(job);
  await market.localnet.pass(60n);
  await market.settle(lease, { sequence: 1n, seconds: 30n });
  await refused(market.settle(lease, { sequence: 1n, seconds: 30n }), "voucher-stale");
  await refused(market.settle(lease, { sequence: 2n, seconds: 29n }), "voucher-falls-back");
  await refused(market.settle(lease, { sequence: 2n, seconds: 599n }), "voucher-ahead-of-clock");
  await refused(market.settle(lease, { sequence: 2n, seconds: 40n }, market.owner), "voucher-forged");
  const { node, provider, rentPayer } = lease.data;
  const settle = await getSettleInstructionAsync({ job, lease: lease.address, node, provider, rentPayer });
  await refused(market.send(market.buyer, settle), "voucher-missing");
  const voucher = { lease: lease.address, sequence: 2n, meteredSeconds: 40n, downtimeSeconds: 0n };
  const rest = { isFinal: false, exitClass: 0, resultRoot: new Uint8Array(32) };
  const signature = new Uint8Array(64) as SignatureBytes;
  const forged = { voucher: { ...voucher, ...rest }, attestor: market.scheduler.address, signature };
  await refused(market.send(market.buyer, signatureCheck(forged), settle), "voucher-forged");
  await refused(market.expireLease(lease), "deadline-not-passed");
  await market.localnet.pass(600n);
  await refused(market.settle(lease, { sequence: 2n, seconds: 601n }), "voucher-beyond-lease");
  assert.equal((await market.job(job)).data.paid, 28_500n);
});

test("a signature that is missing is named before anything is sent", async () => {
  const { connection, owner } = market;
  const { address: job } = await market.openJob();
  const cancel = getCancelJobInstruction({ buyer: createNoopSigner(market.buyer.address), job });
  await refused(send(connection, { payer: owner, instructions: [cancel] }), "signature-missing");
});

test("waiting ends at its limit or when asked, and nowhere is named", async () => {
  const { connection } = market;
  const { address } = await market.openJob();
  await refused(waitForJob(connection, address, ["done"], { seconds: 0.2 }), "wait-over");
  const stop = new AbortController();
  const waiting = waitForJob(connection, address, ["done"], { signal: stop.signal });
  stop.abort(new Error("enough"));
  await assert.rejects(waiting, { message: "enough" });

  // Nothing listens there.
  const nowhere = connect({ rpcUrl: "http://127.0.0.1:9", wsUrl: "ws://127.0.0.1:9" });
  await refused(network(nowhere), "rpc-unreachable");
  await refused(cancelJob(nowhere, { buyer: market.buyer, job: address }), "rpc-unreachable");
});
