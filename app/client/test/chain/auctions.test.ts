import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { signBytes, type Address } from "@solana/kit";
import { cancelJob, closeJob, readJob, type Connection } from "@millrace/client";
import { auditAuctions, bidMessage, rootOf, type Book, type SignedBid } from "@millrace/client/auctions";
import { MILLRACE_PROGRAM_ADDRESS } from "@millrace/client/program";
import { FakeOrchestrator } from "../fakeOrchestrator.js";
import { fromHex, toHex } from "../vectors.js";
import { Market, PRICE } from "./market.js";
import { refused } from "./refused.js";

let market: Market;
before(async () => {
  market = await Market.found();
});
after(() => market.localnet.stop());

/** Below the posted one. */
const BID = PRICE - 1_000n;

/** The book of an auction in which the market's only rig has bid. */
async function held(job: Address): Promise<{ readonly book: Book; readonly own: SignedBid }> {
  const { openedSlot, terms } = (await readJob(market.connection, job))!.data;
  const closedAt = await market.localnet.now();
  const place = { program: MILLRACE_PROGRAM_ADDRESS, job, openedSlot, auction: 0, validUntil: closedAt + 120n };
  const bid = { ...place, node: market.node[0], price: BID };
  const unsigned = { bid, signature: new Uint8Array(64) };
  const { privateKey } = market.nodeKey.keyPair;
  const own = { bid, signature: Uint8Array.from(await signBytes(privateKey, bidMessage(unsigned))) };
  const facts = {
    reputation: 10_000,
    link: undefined,
    imagePresent: true,
    idleGpus: 0,
    scarcity: 0n,
    failedBefore: false,
  };
  const { signature } = own;
  const bids = [{ node: bid.node, key: market.nodeKey.address, price: BID, signature, facts }];
  const weights = {
    reputation: 2_000,
    link: 500,
    fastLink: 12_207,
    image: 5_000n,
    packing: 2_000n,
    scarcity: 300_000n,
  };
  return { book: { ...place, closedAt, maximumPrice: terms.maximumPrice, weights, bids }, own };
}

/** As an orchestrator answers. */
function answer(book: Book, lease: number): string {
  const { openedSlot, closedAt, validUntil, maximumPrice, weights, bids, ...rest } = book;
  const { fastLink, ...charges } = weights;
  const [{ facts, signature, ...bid }] = bids as [Book["bids"][number]];
  const { imagePresent, idleGpus, failedBefore, ...known } = facts;
  const told = {
    ...rest,
    opened_slot: openedSlot,
    closed_at: closedAt,
    valid_until: validUntil,
    maximum_price: maximumPrice,
    weights: { ...charges, fast_link: fastLink },
    bids: [
      {
        ...bid,
        signature: toHex(signature),
        facts: { ...known, link: null, image_present: imagePresent, idle_gpus: idleGpus, failed_before: failedBefore },
      },
    ],
  };
  const auction = { book: told, root: rootOf(book), steps: [{ step: "awarded", lease, node: bid.node }] };
  return JSON.stringify([auction], (_, value: unknown) => (typeof value === "bigint" ? Number(value) : value));
}

async function audit(job: Address, body: string, own: SignedBid[], connection: Connection = market.connection) {
  const path = `/v1/jobs/${job}/auctions`;
  const fake = await FakeOrchestrator.start([{ method: "GET", path, status: 200, body }]);
  try {
    return await auditAuctions(connection, fake.url, { job, own });
  } finally {
    await fake.stop();
  }
}

test("an auction is held to the chain, while its job lives and when it is closed", async () => {
  const { address: job } = await market.openJob();
  const { book, own } = await held(job);
  const posted = await market.openLease(job);
  const lease = await market.openLease(job, market.scheduler, {
    price: BID,
    bidBookRoot: Uint8Array.from(fromHex(rootOf(book))),
  });
  assert.deepEqual([posted.data.number, lease.data.number], [0, 1]);
  const told = answer(book, 1);
  const right = { notes: [{ note: "in-book", auction: 0 }] };
  assert.deepEqual({ notes: (await audit(job, told, [own])).notes }, right);

  await refused(audit(job, answer(book, 0), []), "auction-lease-differs");
  const dearer = { ...book, maximumPrice: book.maximumPrice + 1n };
  await refused(audit(job, answer(dearer, 1), []), "auction-job-differs");
  const later = { ...book, closedAt: book.closedAt + 1n };
  await refused(audit(job, answer(later, 1), []), "auction-not-shown");
  await refused(audit(job, "[]", []), "auction-not-shown");

  await market.localnet.pass(10n);
  for (const one of [posted, lease]) await market.settle(one, { sequence: 1n, seconds: 1n, end: "released" });
  await cancelJob(market.connection, { buyer: market.buyer, job });
  await closeJob(market.connection, { payer: market.buyer, job });
  assert.equal(await readJob(market.connection, job), undefined);
  // The provider's reputation has been written to since, but nothing speaks against it.
  assert.deepEqual((await audit(job, told, [own])).notes, right.notes);
  await refused(audit(job, answer(later, 1), []), "auction-not-shown");
});
