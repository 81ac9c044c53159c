import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const folder = await mkdtemp(join(tmpdir(), "millrace-generated-"));
after(() => rm(folder, { recursive: true }));

async function files(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return names.map((name) => name.slice(root.length + 1)).sort();
}

test("the generated code is what the IDL and the lists give: `npm run generate`", async () => {
  await run(process.execPath, ["codegen/main.mjs", folder]);
  const [fresh, committed] = [join(folder, "generated"), join("src", "generated")];
  assert.deepEqual(await files(committed), await files(fresh));
  for (const file of await files(fresh)) {
    assert.ok((await readFile(join(fresh, file))).equals(await readFile(join(committed, file))), `${file} is stale`);
  }
});
