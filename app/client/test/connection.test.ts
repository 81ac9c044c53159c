import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, isMillraceError, readJob } from "@millrace/client";
import type { Address } from "@solana/kit";

const JOB = "8qbHbw2BbbTHBW1sbeqakYXVKRQM8Ne7pLK7m6CVfeR" as Address;
const connection = connect({ rpcUrl: "http://127.0.0.1:1", wsUrl: "ws://127.0.0.1:1" });

test("an endpoint that does not answer is called that, whatever the browser says", async (context) => {
  const unreachable = (error: unknown) => isMillraceError(error, "rpc-unreachable") && error.cause instanceof TypeError;
  await assert.rejects(readJob(connection, JOB), unreachable);
  for (const text of ["Failed to fetch", "NetworkError when attempting to fetch resource.", "Load failed"]) {
    context.mock.method(globalThis, "fetch", () => Promise.reject(new TypeError(text)), { times: 1 });
    await assert.rejects(readJob(connection, JOB), unreachable, text);
  }
});

test("an endpoint that answers with a refusal is not called unreachable", async (context) => {
  context.mock.method(globalThis, "fetch", () => Promise.resolve(new Response("no", { status: 403 })));
  await assert.rejects(readJob(connection, JOB), (error) => isMillraceError(error, "rpc-rejected"));
});
