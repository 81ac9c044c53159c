import assert from "node:assert/strict";
import { test } from "node:test";
import { createKeyPairSignerFromPrivateKeyBytes, getBase58Encoder, verifySignature, type Address } from "@solana/kit";
import { authorization, isMillraceError, type Problem } from "@millrace/client";
import { handOver } from "@millrace/client/seal";
import { FakeOrchestrator, type Answer } from "./fakeOrchestrator.js";
import { fromHex, vectors } from "./vectors.js";

interface Authorization {
  readonly secret: string;
  readonly cases: readonly { method: string; path: string; now: string; header: string }[];
}

const opener = await createKeyPairSignerFromPrivateKeyBytes(new Uint8Array(32).fill(9));
const job = "8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR" as Address;
const lease = "GgBaCs3NCBuZN12kCJgAW63ydqohFkHEdfdEXBPzLHq" as Address;
const envelope = Uint8Array.from([1, 2, 3]);
const path = `/v1/jobs/${job}/sealed/${lease}`;

/** What an envelope meets, and what was asked. */
async function meets(answer: Pick<Answer, "status" | "body">) {
  const fake = await FakeOrchestrator.start([{ method: "PUT", path, ...answer }]);
  try {
    await handOver(`${fake.url}/`, { opener, job, lease, envelope });
    return { requests: fake.requests };
  } catch (error) {
    if (!isMillraceError(error)) throw error;
    return { requests: fake.requests, error };
  } finally {
    await fake.stop();
  }
}

test("the header that proves a key is Rust's", async () => {
  const golden = await vectors<Authorization>("authorization");
  const signer = await createKeyPairSignerFromPrivateKeyBytes(fromHex(golden.secret));
  for (const { method, path, now, header } of golden.cases) {
    assert.equal(await authorization(signer, method, path, BigInt(now)), header);
  }
});

test("an envelope is brought as it is, and signed for by who opened the job", async () => {
  const { error, requests } = await meets({ status: 204 });
  assert.equal(error, undefined);
  const [{ authorization, body }] = requests as [(typeof requests)[number]];
  assert.deepEqual([...body], [...envelope]);
  const [, key, at, signature] = /^Millrace (\w+)\.(\d+)\.(\w+)$/.exec(authorization!)!;
  assert.equal(key, opener.address);
  assert.ok(Math.abs(Number(at) - Date.now() / 1_000) < 60);
  const message = new TextEncoder().encode(`millrace http v1\nPUT\n${path}\n${at}`);
  const bytes = getBase58Encoder().encode(signature!);
  assert.ok(await verifySignature(opener.keyPair.publicKey, bytes as never, message));
});

test("a refusal comes back with the orchestrator's own words and hint", async () => {
  const problem = { code: "rig-away", cause: "the rig is not connected", hint: "try again soon" };
  const { error } = await meets({ status: 503, body: JSON.stringify(problem) });
  assert.deepEqual([error?.code, error?.message, error?.hint], ["orchestrator-refused", problem.cause, problem.hint]);
  assert.deepEqual(error?.cause as Problem, { status: 503, ...problem });
});

test("whatever is no orchestrator is called that", async () => {
  for (const body of ["", "<html>", "{}", '{"code":"x"}', "[1]", "null"]) {
    const { error } = await meets({ status: 502, body });
    assert.equal(error?.code, "orchestrator-foreign", body);
  }
  const fake = await FakeOrchestrator.start([]);
  await fake.stop();
  const nobody = handOver(fake.url, { opener, job, lease, envelope });
  await assert.rejects(nobody, (error) => isMillraceError(error, "orchestrator-unreachable"));
  const stopped = handOver(fake.url, { opener, job, lease, envelope, signal: AbortSignal.abort("enough") });
  await assert.rejects(stopped, (reason) => reason === "enough");
});
