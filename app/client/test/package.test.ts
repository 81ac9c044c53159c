import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";

/** Packages that a module of `dist` loads, by itself or through its own files. */
async function loads(module: string, seen = new Set<string>()): Promise<Set<string>> {
  if (seen.has(module)) return new Set();
  seen.add(module);
  const packages = new Set<string>();
  for (const [, name] of (await readFile(module, "utf8")).matchAll(/ from "([^"]+)"/g)) {
    const inner = name!.startsWith(".") ? await loads(join(dirname(module), name!), seen) : [name!];
    for (const one of inner) packages.add(one);
  }
  return packages;
}

test("who does not seal loads no cryptography beyond the chain's", async () => {
  assert.deepEqual([...(await loads("dist/index.js"))].sort(), [
    "@solana-program/token",
    "@solana/kit",
    "@solana/kit/program-client-core",
  ]);
  assert.ok((await loads("dist/seal/index.js")).has("age-encryption"));
});

test("what buyers install has a licence that the workspace allows", async () => {
  const lock = JSON.parse(await readFile("../package-lock.json", "utf8")) as {
    packages: Record<string, { license?: string; dev?: boolean; link?: boolean }>;
  };
  const deny = await readFile("../../deny.toml", "utf8");
  const allowed = new Set(/allow = \[([^\]]+)\]/.exec(deny)![1]!.match(/[^"\s,]+/g));
  const installed = Object.entries(lock.packages).filter(
    ([path, { dev, link }]) => path.includes("node_modules/") && !dev && !link,
  );
  assert.ok(installed.some(([path]) => path.endsWith("/age-encryption")));
  const licences = installed.map(([path, { license }]) => `${path}: ${license}`);
  assert.deepEqual(
    licences.filter((line) => !allowed.has(line.split(": ")[1]!)),
    [],
  );
});
