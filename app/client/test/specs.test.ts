import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalSpec,
  isMillraceError,
  LONGEST_SPEC,
  PAYMENTS,
  SERVICE_LEVELS,
  specHash,
  verificationFields,
  type JobSpec,
  type JobTerms,
  type Payment,
  type ServiceLevel,
  type Verification,
} from "@millrace/client";
import { toHex, vectors } from "./vectors.js";

type Loose = string | boolean | readonly Loose[] | { readonly [name: string]: Loose };

interface Case {
  readonly name: string;
  readonly spec: Readonly<Record<string, Loose>>;
  readonly canonical: string;
  readonly hash: string;
}

/** Terms as the chain has them, of the JSON that the network's Rust writes. */
function terms(loose: Record<string, Loose>): JobTerms {
  const { requirements, service_level, payment, verification, ...rest } = loose;
  return {
    ...(camel(rest, WIDE_TERMS) as JobTerms),
    ...(camel(requirements!, WIDE_TERMS) as JobTerms),
    serviceLevel: SERVICE_LEVELS.indexOf(service_level as ServiceLevel),
    payment: PAYMENTS.indexOf((payment as string).replace("_", "-") as Payment),
    ...verificationFields(policy(verification as string | Record<string, Record<string, string>>)),
  };
}

function policy(verification: string | Record<string, Record<string, string>>): Verification {
  if (typeof verification === "string") return { policy: "attested" };
  const [[name, fields]] = Object.entries(verification) as [[string, Record<string, string>]];
  const { share, needed, size, class: hardware } = fields;
  if (name === "spot_check") return { policy: "spot-check", shareBps: Number(share) };
  if (name === "quorum") return { policy: "quorum", needed: Number(needed), size: Number(size) };
  return { policy: "attested-hardware", hardware: hardware as "enclave" };
}

/** The vector's field names in JavaScript's spelling, its terms in one object, its numbers as `wide` says. */
function spec(loose: Case["spec"]): JobSpec {
  return {
    ...(camel(loose, new Set()) as JobSpec),
    env: loose["env"] as Record<string, string>,
    inputs: Object.fromEntries(
      Object.entries(loose["inputs"] as Record<string, { sha256: string; size: string }>)
        // Any order of keys must do.
        .reverse()
        .map(([path, { sha256, size }]) => [path, { sha256, size: BigInt(size) }]),
    ),
    command: loose["command"] as string[],
    name: loose["name"] as string,
    limits: camel(loose["limits"]!, new Set(["taskSeconds"])) as JobSpec["limits"],
    terms: terms(loose["terms"] as Record<string, Loose>),
  };
}

const WIDE_TERMS = new Set(["gpuClasses", "maximumPrice", "leaseSeconds", "startWindow", "deposit", "disputeWindow"]);

function camel(value: Loose, wide: ReadonlySet<string>, name = ""): unknown {
  if (typeof value === "string") {
    if (!/^\d+$/.test(value)) return value;
    return wide.has(name) ? BigInt(value) : Number(value);
  }
  if (typeof value !== "object" || Array.isArray(value)) return value;
  const fields = Object.entries(value as Record<string, Loose>).map(([field, inner]) => {
    const spelled = field.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    return [spelled, camel(inner, wide, spelled)] as const;
  });
  return Object.fromEntries(fields);
}

test("canonical specs and their hashes are Rust's", async () => {
  for (const { name, spec: loose, canonical, hash } of await vectors<Case[]>("specs")) {
    assert.equal(new TextDecoder().decode(Uint8Array.from(canonicalSpec(spec(loose)))), canonical, name);
    assert.equal(toHex(await specHash(spec(loose))), hash, name);
  }
});

const plain = async (): Promise<JobSpec> => spec((await vectors<Case[]>("specs"))[0]!.spec);

test("a spec that is longer than the network reads is refused before there is a hash to pay for", async () => {
  const base = await plain();
  const padded = (bytes: number): JobSpec => ({ ...base, env: { ...base.env, PAD: "x".repeat(bytes) } });
  const rest = Uint8Array.from(canonicalSpec(padded(0))).length;
  await specHash(padded(LONGEST_SPEC - rest));
  await assert.rejects(specHash(padded(LONGEST_SPEC - rest + 1)), (error) => {
    assert.ok(isMillraceError(error, "spec-invalid"));
    return error.message.includes(`${LONGEST_SPEC + 1} bytes`) && error.hint.includes("archive");
  });
});

test("inputs that leave a task nothing of its disk are refused before there is a hash to pay for", async () => {
  const base = await plain();
  const sized = (scene: bigint, sky: bigint): JobSpec => {
    const object = (size: bigint) => ({ sha256: "00".repeat(32), size });
    return { ...base, limits: { ...base.limits, diskMib: 2 }, inputs: { scene: object(scene), sky: object(sky) } };
  };
  const disk = 2n * 1_048_576n;
  await specHash(sized(disk - 2n, 1n));
  await assert.rejects(specHash(sized(disk - 1n, 1n)), (error) => {
    assert.ok(isMillraceError(error, "spec-invalid"));
    const figures = "`limits.diskMib` gives 2097152 bytes to inputs and outputs, and the inputs have 2097152";
    return error.message === figures && error.hint.startsWith("raise `limits.diskMib` to at least 3,");
  });
  await assert.rejects(specHash({ ...sized(0n, 0n), limits: { ...base.limits, diskMib: 0 } }));
});

test("lists may come in any order", async () => {
  const retry = { backoff: 1n, longestBackoff: 2n, fatalExitCodes: [9, 75, 9], uncountedExitCodes: [100, 20] };
  const sealed = { files: ["b", "a.key", "b"] };
  const text = new TextDecoder().decode(Uint8Array.from(canonicalSpec({ ...(await plain()), retry, sealed })));
  assert.ok(text.includes('"fatal_exit_codes":[9,75]') && text.includes('"uncounted_exit_codes":[20,100]'), text);
  assert.ok(text.includes('"files":["a.key","b"]'), text);
});

test("what does not go together is refused before there is a hash to pay for", async () => {
  const base = await plain();
  const spot = { ...base.terms, spot: true };
  const service = { service: { replicas: 1, restart: "always" } } as const;
  const gang = { gang: { locality: "anywhere" } } as const;
  const compared = (verification: Verification) => ({ ...base.terms, ...verificationFields(verification) });
  const [quorum, spotCheck] = [
    compared({ policy: "quorum", needed: 2, size: 3 }),
    compared({ policy: "spot-check", shareBps: 1 }),
  ];
  const every = (seconds: bigint) => ({ checkpoint: { every: seconds } });
  const early = (seconds: bigint) => ({ outputs: { every: seconds } });
  const encrypted = { sealed: { outputs: "age1" } };
  const right: Partial<JobSpec>[] = [
    { finishOnNotice: true, terms: spot },
    { finishOnNotice: false, shape: service },
    every(10n),
    every(86_400n),
    { ...every(60n), terms: spot },
    { ...every(60n), shape: gang },
    early(10n),
    early(86_400n),
    { ...early(60n), ...encrypted, shape: gang, terms: spot },
    { sealed: { files: ["token"] }, terms: quorum },
    { ...encrypted, shape: service },
    { placement: { auction: true } },
    { placement: { auction: false }, terms: spot },
    { placement: { minimumCuda: 0, minimumDriver: 4_294_967_295 } },
  ];
  for (const changes of right) await specHash({ ...base, ...changes });
  const wrong: [Partial<JobSpec>, string][] = [
    [{ finishOnNotice: true }, "finishOnNotice"],
    [{ finishOnNotice: true, terms: spot, shape: service }, "finishOnNotice"],
    [every(9n), "checkpoint.every"],
    [every(86_401n), "checkpoint.every"],
    [{ ...every(60n), shape: service }, "checkpoint"],
    [{ ...every(60n), terms: quorum }, "checkpoint"],
    [{ ...every(60n), terms: spotCheck }, "checkpoint"],
    [{ ...every(60n), ...encrypted }, "checkpoint"],
    [early(9n), "outputs.every"],
    [early(86_401n), "outputs.every"],
    [{ ...early(60n), shape: service }, "outputs"],
    [{ ...early(60n), terms: quorum }, "outputs"],
    [{ ...early(60n), terms: spotCheck }, "outputs"],
    [{ ...encrypted, terms: quorum }, "sealed.outputs"],
    [{ ...encrypted, terms: spotCheck }, "sealed.outputs"],
    [{ shape: gang, terms: quorum }, "shape"],
    [{ shape: gang, terms: spotCheck }, "shape"],
    [{ shape: service, terms: quorum }, "shape"],
    [{ shape: service, terms: spotCheck }, "shape"],
    [{ placement: { auction: true }, terms: spot }, "placement.auction"],
    [{ placement: { auction: true }, shape: service }, "placement.auction"],
    [{ placement: { auction: true }, shape: gang }, "placement.auction"],
    [{ placement: { minimumCuda: 12.4 } }, "placement.minimumCuda"],
    [{ placement: { minimumCuda: -1 } }, "placement.minimumCuda"],
    [{ placement: { minimumDriver: 4_294_967_296 } }, "placement.minimumDriver"],
    [{ placement: { minimumDriver: Number.NaN } }, "placement.minimumDriver"],
  ];
  for (const [changes, field] of wrong) {
    await assert.rejects(specHash({ ...base, ...changes }), (error) => {
      assert.ok(isMillraceError(error, "spec-invalid"));
      return error.message.startsWith(`\`${field}\``) && error.hint.length > 0;
    });
  }
});
