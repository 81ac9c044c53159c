import assert from "node:assert/strict";
import { test } from "node:test";
import {
  canonicalSpec,
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
