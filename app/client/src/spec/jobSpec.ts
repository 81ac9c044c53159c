import type { ReadonlyUint8Array } from "@solana/kit";
import { MillraceError } from "../errors/MillraceError.js";
import { LONGEST_SPEC, PAYMENTS, SERVICE_LEVELS } from "../generated/catalogue.js";
import type { JobTerms } from "../generated/types/index.js";
import { verificationOf } from "../terms/verification.js";
import { entries, integers, text, utf8Order } from "./canonical.js";
import { checkSpec } from "./checkSpec.js";
import { canonicalAfter, canonicalRetry, type After, type Retry } from "./order.js";
import { canonicalPlacement, type Placement } from "./placement.js";
import { canonicalSealed, type Sealed } from "./sealed.js";
import { canonicalShape, type Shape } from "./shape.js";

/** Content in the network's object store. */
export interface ObjectRef {
  /** 64 digits of lower-case hex. */
  readonly sha256: string;
  /** In bytes. */
  readonly size: bigint;
}

/**
 * How often what a task keeps in `/checkpoint` for its next attempt, on whatever rig, is brought away. Not in a service,
 * where results are compared, or with encrypted outputs.
 */
export interface Checkpointing {
  /** Seconds from the container's start, and from one checkpoint to the next: 10 to 86 400. */
  readonly every: bigint;
}

/** How often what is finished of a task's outputs is brought away while it runs. Not in a service, or where results are compared. */
export interface EarlyOutputs {
  /** Seconds from the container's start, and from one look to the next: 10 to 86 400. */
  readonly every: bigint;
}

/** What the network runs. Its SHA-256 is the spec hash on chain. */
export interface JobSpec {
  /** Jobs that come first. */
  readonly after?: readonly After[];
  /** None where nothing is kept between two attempts at a task. */
  readonly checkpoint?: Checkpointing;
  /**
   * Where containers with a network may connect to, in any order: `host:port` in lower case, the host a name or
   * an IPv4 network. All of the internet when left out.
   */
  readonly egress?: readonly string[];
  readonly name: string;
  readonly image: string;
  /** Words of the container's command, with `{task}` and `{task1}` for the task's number. */
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /**
   * Whether a task runs on when its spot lease has notice, and is done if it ends in time; otherwise it is told to stop
   * at once and has the notice to save what it has. With `terms.spot` alone, and not in a service.
   */
  readonly finishOnNotice?: boolean;
  /** By path under `/inputs`. */
  readonly inputs: Readonly<Record<string, ObjectRef>>;
  readonly limits: {
    /** Thousandths of a CPU. */
    readonly cpuMilli: number;
    /** Of inputs and outputs together. */
    readonly diskMib: number;
    readonly memoryMib: number;
    readonly pids: number;
    /** Of one task's container. */
    readonly taskSeconds: bigint;
  };
  /** Whether the container has a network at all. */
  readonly network: boolean;
  /** None where outputs are brought away at a task's end alone. */
  readonly outputs?: EarlyOutputs;
  readonly placement?: Placement;
  /** None where a task that failed runs again at once. */
  readonly retry?: Retry;
  /** What containers run under: `gvisor`, or what the rig's engine has when left out. */
  readonly runtime?: "gvisor";
  /** None where a rig needs nothing of the buyer. */
  readonly sealed?: Sealed;
  /** None for tasks that run one by one, as nodes are there. */
  readonly shape?: Shape;
  /** How often one task may fail by its own fault before the job fails. */
  readonly taskRetries: number;
  readonly tasks: number;
  readonly terms: JobTerms;
}

/** The one JSON of a spec: fixed order of fields, keys of maps in the order of their UTF-8, no spaces. */
export function canonicalSpec(spec: JobSpec): ReadonlyUint8Array {
  const limits = integers({
    cpu_milli: spec.limits.cpuMilli,
    disk_mib: spec.limits.diskMib,
    memory_mib: spec.limits.memoryMib,
    pids: spec.limits.pids,
    task_seconds: spec.limits.taskSeconds,
  });
  const placement = spec.placement === undefined ? undefined : canonicalPlacement(spec.placement);
  const sealed = spec.sealed === undefined ? undefined : canonicalSealed(spec.sealed);
  const fields = [
    ...(spec.after === undefined || spec.after.length === 0 ? [] : [`"after":${canonicalAfter(spec.after)}`]),
    ...(spec.checkpoint === undefined ? [] : [`"checkpoint":{"every":${spec.checkpoint.every}}`]),
    `"command":[${spec.command.map(text).join(",")}]`,
    ...(spec.egress === undefined || spec.egress.length === 0 ? [] : [`"egress":${destinations(spec.egress)}`]),
    `"env":${entries(spec.env, text)}`,
    ...(spec.finishOnNotice === true ? ['"finish_on_notice":true'] : []),
    `"image":${text(spec.image)}`,
    `"inputs":${entries(spec.inputs, canonicalObject)}`,
    `"limits":${limits}`,
    `"name":${text(spec.name)}`,
    `"network":${spec.network}`,
    ...(spec.outputs === undefined ? [] : [`"outputs":{"every":${spec.outputs.every}}`]),
    ...(placement === undefined ? [] : [`"placement":${placement}`]),
    ...(spec.retry === undefined ? [] : [`"retry":${canonicalRetry(spec.retry)}`]),
    ...(spec.runtime === undefined ? [] : [`"runtime":${text(spec.runtime)}`]),
    ...(sealed === undefined ? [] : [`"sealed":${sealed}`]),
    ...(spec.shape === undefined ? [] : [`"shape":${canonicalShape(spec.shape)}`]),
    `"task_retries":${spec.taskRetries}`,
    `"tasks":${spec.tasks}`,
    `"terms":${terms(spec.terms)}`,
  ];
  return new TextEncoder().encode(`{${fields.join(",")}}`);
}

/** SHA-256 of the canonical spec: what stands in the job's account. Throws `spec-invalid`, `terms-invalid`. */
export async function specHash(spec: JobSpec): Promise<ReadonlyUint8Array> {
  checkSpec(spec);
  const bytes = Uint8Array.from(canonicalSpec(spec));
  if (bytes.length > LONGEST_SPEC) {
    throw new MillraceError("spec-invalid", {
      message: `the spec has ${bytes.length} bytes, and the network reads ${LONGEST_SPEC}`,
      hint: "put many small inputs into one archive, and long values of `env` into an input",
    });
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

export function canonicalObject({ sha256, size }: ObjectRef): string {
  return `{"sha256":${text(sha256)},"size":${size}}`;
}

function destinations(egress: readonly string[]): string {
  return `[${[...new Set(egress)].sort(utf8Order).map(text).join(",")}]`;
}

/** In the order in which the protocol declares them. */
function terms(terms: JobTerms): string {
  const requirements = integers({
    gpu_classes: terms.gpuClasses,
    vram_mib: terms.vramMib,
    units: terms.units,
    regions: terms.regions,
    accept_simulated: terms.acceptSimulated,
  });
  const rest = integers({
    maximum_price: terms.maximumPrice,
    concurrent_leases: terms.concurrentLeases,
    lease_seconds: terms.leaseSeconds,
    start_window: terms.startWindow,
    retries: terms.retries,
    deposit: terms.deposit,
    spot: terms.spot,
  });
  const fields = [
    `"requirements":${requirements}`,
    rest.slice(1, -1),
    `"service_level":${word(SERVICE_LEVELS[terms.serviceLevel])}`,
    `"payment":${word(PAYMENTS[terms.payment])}`,
    `"verification":${verification(terms)}`,
    `"dispute_window":${terms.disputeWindow}`,
  ];
  return `{${fields.join(",")}}`;
}

function verification(terms: JobTerms): string {
  const policy = verificationOf(terms);
  switch (policy?.policy) {
    case "spot-check":
      return `{"spot_check":${integers({ share: policy.shareBps })}}`;
    case "quorum":
      return `{"quorum":${integers({ needed: policy.needed, size: policy.size })}}`;
    case "attested-hardware":
      return `{"attested_hardware":{"class":${word(policy.hardware)}}}`;
    default:
      return word(policy?.policy);
  }
}

/** A name as the network's JSON spells it. Throws `terms-invalid` for a number without a name. */
function word(name: string | undefined): string {
  if (name === undefined) throw new MillraceError("terms-invalid");
  return text(name.replaceAll("-", "_"));
}
