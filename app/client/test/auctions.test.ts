import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, isMillraceError, type Connection } from "@millrace/client";
import {
  auditAuctions,
  checkAuctions,
  parseAuctions,
  parseBids,
  ranked,
  readChain,
  rootOf,
  type Bidder,
  type Chain,
} from "@millrace/client/auctions";
import { MILLRACE_PROGRAM_ADDRESS } from "@millrace/client/program";
import { getAddressEncoder, getBase58Decoder, type Address, type Rpc, type SolanaRpcApi } from "@solana/kit";
import { FakeOrchestrator } from "./fakeOrchestrator.js";
import { vectors } from "./vectors.js";

interface Told {
  readonly program: Address;
  readonly job: Address;
  readonly terms: { readonly openedSlot: string; readonly maximumPrice: string } | null;
  readonly opened: readonly {
    readonly lease: Address;
    readonly number: number;
    readonly node: Address;
    readonly price: string;
    readonly units: number;
    readonly bidBookRoot: string;
    readonly at: string;
  }[];
  readonly bidders: readonly {
    readonly node: Address;
    readonly key: Address;
    readonly units: number;
    readonly reputation: { readonly good: string; readonly bad: string; readonly updatedAt: string } | null;
  }[];
}

interface Case {
  readonly name: string;
  /** As an orchestrator answers. */
  readonly answer: string;
  readonly chain: Told;
  readonly own: string;
  /** What is found, or `right`. */
  readonly code: string;
  readonly notes: readonly Record<string, string | number>[] | null;
}

function chain({ program, job, terms, opened, bidders }: Told): Chain {
  const bidder = ({ key, units, reputation: known }: Told["bidders"][number]): Bidder => ({
    key,
    units,
    reputation: known
      ? { good: BigInt(known.good), bad: BigInt(known.bad), updatedAt: BigInt(known.updatedAt) }
      : undefined,
  });
  return {
    program,
    job,
    terms: terms ? { openedSlot: BigInt(terms.openedSlot), maximumPrice: BigInt(terms.maximumPrice) } : undefined,
    opened: opened.map((lease) => ({ ...lease, price: BigInt(lease.price), at: BigInt(lease.at) })),
    bidders: new Map(bidders.map((told) => [told.node, bidder(told)])),
  };
}

/** Rust's spelling of a note. */
function snake(note: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(note).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

const cases = await vectors<Case[]>("auctions");

async function found({ answer, chain: told, own }: Pick<Case, "answer" | "chain" | "own">) {
  try {
    const notes = await checkAuctions(chain(told), parseAuctions(answer), parseBids(own));
    return { code: "right", notes: notes.map(snake) };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    assert.ok(error.hint.length > 0 && error.message.length > 0);
    return { code: error.code, notes: null };
  }
}

test("each audit finds what Rust's finds", async () => {
  for (const one of cases) {
    assert.deepEqual(await found(one), { code: one.code, notes: one.notes }, one.name);
  }
});

test("every refusal of an audit is among them", () => {
  const codes = new Set(cases.map(({ code }) => code));
  for (const code of [
    "auction-bid-forged",
    "auction-book-malformed",
    "auction-foreign",
    "auction-job-differs",
    "auction-lease-differs",
    "auction-not-shown",
    "auction-out-of-time",
    "auction-out-of-turn",
    "auction-reputation-differs",
    "auction-root-differs",
    "bid-left-out",
    "bid-not-yours",
    "right",
  ]) {
    assert.ok(codes.has(code), code);
  }
});

test("a book's root and order are for everybody", () => {
  const [auction] = parseAuctions(cases[0]!.answer);
  assert.equal(rootOf(auction!.book), auction!.root);
  const [best] = ranked(auction!.book);
  assert.deepEqual(auction!.steps, [{ step: "awarded", lease: 0, node: best!.node }]);
});

test("an answer that no orchestrator gives, and a file without bids, are called that", () => {
  const { answer, own } = cases[0]!;
  const foreign = (error: unknown) => isMillraceError(error, "orchestrator-foreign");
  const spoiled = [
    "",
    "{}",
    "[{}]",
    answer.replace('"opened_slot":4', '"opened_slot":4.5'),
    answer.replace('"opened_slot":4', '"opened_slot":18446744073709551616'),
    answer.replace('"auction":0', '"auction":4294967296'),
    answer.replace('"auction":0', '"auction":-1'),
    answer.replace('"failed_before":false', '"failed_before":0'),
    answer.replace('"step":"awarded"', '"step":"given"'),
    answer.replace(/"root":"../, '"root":"'),
    answer.replace(/"root":"../, '"root":"zz'),
    answer.replace(/"key":"../, '"key":"00'),
    answer.slice(0, -1),
  ];
  for (const text of spoiled) {
    assert.notEqual(text, answer);
    assert.throws(() => parseAuctions(text), foreign, text.slice(0, 80));
  }
  const malformed = (error: unknown) => isMillraceError(error, "bid-malformed");
  for (const text of ["", "{}", "[1]", own.replace('"price":', '"prize":')]) {
    assert.throws(() => parseBids(text), malformed, text.slice(0, 80));
  }
  const [bid] = parseBids(own);
  const listed = `[{"signed":${own.slice(1, -1)},"made_at":8,"lease":null}]`;
  assert.deepEqual(parseBids(listed), [bid]);
  assert.deepEqual(parseBids(own.slice(1, -1)), [bid]);
});

test("a bid of another job is not looked for, and a refusal is the orchestrator's own", async () => {
  const connection = connect({ rpcUrl: "http://127.0.0.1:1", wsUrl: "ws://127.0.0.1:1" });
  const own = parseBids(cases[0]!.own);
  const job = cases[0]!.chain.program;
  const other = auditAuctions(connection, "http://127.0.0.1:1", { job, own });
  await assert.rejects(other, (error) => isMillraceError(error, "bid-of-another-job"));
  // Of a rig's bids, which are for many jobs, those for this one are looked for.
  const [bid] = own;
  const mixed = [...own, { ...bid!, bid: { ...bid!.bid, job } }];
  const looked = auditAuctions(connection, "http://127.0.0.1:1", { job, own: mixed });
  await assert.rejects(looked, (error) => isMillraceError(error, "orchestrator-unreachable"));
  const problem = { code: "job-unknown", cause: "there is no such job", hint: "check the address" };
  const answer = { method: "GET", path: `/v1/jobs/${job}/auctions`, status: 404, body: JSON.stringify(problem) };
  const fake = await FakeOrchestrator.start([answer]);
  const refused = auditAuctions(connection, fake.url, { job });
  await assert.rejects(refused, (error) => isMillraceError(error, "orchestrator-refused"));
  await fake.stop();
});

/** A transaction with one event, of which only the job is told: by the program itself, a key of a lookup table. */
async function transaction(event: string, job: Address) {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`event:${event}`));
  const tags = [0xe4, 0x45, 0xa5, 0x2e, 0x51, 0xcb, 0x9a, 0x1d, ...new Uint8Array(digest).subarray(0, 8)];
  const data = Uint8Array.from([...tags, ...getAddressEncoder().encode(job), ...new Uint8Array(400)]);
  const instruction = { programIdIndex: 2, data: getBase58Decoder().decode(data) };
  return {
    transaction: { message: { accountKeys: [job] } },
    meta: {
      innerInstructions: [{ instructions: [instruction] }],
      loadedAddresses: { writable: [job], readonly: [MILLRACE_PROGRAM_ADDRESS] },
    },
  };
}

/** A chain without accounts, whose endpoint tells of these transactions, the latest first. */
function endpoint(transactions: readonly unknown[]): Connection {
  const answer = (value: unknown) => ({ send: () => Promise.resolve(value) });
  const rpc = {
    getAccountInfo: () => answer({ value: null }),
    getSignaturesForAddress: () => answer(transactions.map((_, at) => ({ signature: String(at), err: null }))),
    getTransaction: (signature: string) => answer(transactions[Number(signature)]),
  };
  const connection = connect({ rpcUrl: "http://127.0.0.1:1", wsUrl: "ws://127.0.0.1:1" });
  return { ...connection, rpc: rpc as unknown as Rpc<SolanaRpcApi> };
}

test("what an endpoint does not tell of is not taken for what did not happen", async () => {
  const { job, program } = cases[0]!.chain;
  const [opening, lease] = [await transaction("JobOpened", job), await transaction("LeaseOpened", job)];
  assert.equal((await readChain(endpoint([lease, lease, opening]), job, [])).opened.length, 2);
  assert.deepEqual((await readChain(endpoint([opening, lease, opening]), job, [])).opened, [], "of an id used again");
  for (const kept of [
    [],
    [lease],
    [lease, await transaction("JobOpened", program)],
    [lease, null, opening],
    [lease, { ...lease, meta: null }, opening],
    [{ ...lease, meta: { ...lease.meta, innerInstructions: null } }, opening],
  ]) {
    const read = readChain(endpoint(kept), job, []);
    await assert.rejects(read, (error) => isMillraceError(error, "history-incomplete"), JSON.stringify(kept));
  }
});
