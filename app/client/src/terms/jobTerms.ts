import { MillraceError } from "../errors/MillraceError.js";
import { GPU_MODELS, PAYMENTS, REGIONS, SERVICE_LEVELS } from "../generated/catalogue.js";
import type { JobTerms } from "../generated/types/index.js";
import { cost } from "../money.js";
import { checkTerms } from "./checkTerms.js";
import { verificationFields, type Verification } from "./verification.js";

export type GpuModel = (typeof GPU_MODELS)[number];
export type Region = (typeof REGIONS)[number];
export type ServiceLevel = (typeof SERVICE_LEVELS)[number];
export type Payment = (typeof PAYMENTS)[number];

/** What a buyer asks for. Money in micro-USDC, time in seconds. What is left out is as in a job file. */
export interface Wishes {
  /** Any of these; every model, also none, when left out. */
  readonly gpuModels?: readonly GpuModel[];
  /** Least memory of one GPU in MiB. */
  readonly vramMib?: number;
  /** GPUs per lease; 1 when left out. */
  readonly gpus?: number;
  /** Any of these; every region when left out. */
  readonly regions?: readonly Region[];
  /** Whether nodes with simulated GPUs will do. */
  readonly acceptSimulated?: boolean;
  /** Per GPU and hour. */
  readonly maximumPrice: bigint;
  /** Nodes at the same time; 1, or a quorum's size, when left out. */
  readonly concurrentLeases?: number;
  /** Longest lease: 10 seconds to 30 days. */
  readonly leaseSeconds: bigint;
  /** How long the job waits for a node, at first and after each failed one; 15 minutes when left out. */
  readonly startWindow?: bigint;
  /** How many attempts may fail by their node's fault before the job ends; 2 when left out. */
  readonly retries?: number;
  /** The worst case of all concurrent leases, and of those that a spot check repeats, when left out. */
  readonly deposit?: bigint;
  /** Takes leases at the nodes' spot price, which the network may end with notice. */
  readonly spot?: boolean;
  readonly serviceLevel?: ServiceLevel;
  /** `streaming`, or `on-result` with a quorum, when left out. */
  readonly payment?: Payment;
  /** `attested` when left out. */
  readonly verification?: Verification;
  /**
   * From a lease's end until it settles as reported. Left out, it is an hour where pay or a re-run depends on it, and
   * 15 minutes more than a lease where spot checks need that; else 0.
   */
  readonly disputeWindow?: bigint;
}

/** The most one lease can cost, in micro-USDC. Throws `overflow`. */
export function worstCase(terms: Pick<JobTerms, "maximumPrice" | "units" | "leaseSeconds">): bigint {
  return cost(terms.maximumPrice, terms.units, terms.leaseSeconds);
}

const HOUR = 3_600n;
/** What a spot check's window has beside a whole lease: for a node to be found and to start, and for the dispute. */
const CHECK_ROOM = 900n;
const LONGEST_WINDOW = 604_800n;

/** The terms of a job, checked as the program checks them: see `checkTerms`, and its errors. */
export function jobTerms(wishes: Wishes): JobTerms {
  const verification = wishes.verification ?? { policy: "attested" };
  const isQuorum = verification.policy === "quorum";
  const payment = wishes.payment ?? (isQuorum ? "on-result" : "streaming");
  const disputable = !isQuorum && (payment === "on-result" || verification.policy === "spot-check");
  const longEnough = verification.policy === "spot-check" ? min(wishes.leaseSeconds + CHECK_ROOM, LONGEST_WINDOW) : 0n;
  const terms = {
    gpuClasses: mask(GPU_MODELS, wishes.gpuModels ?? []),
    maximumPrice: wishes.maximumPrice,
    leaseSeconds: wishes.leaseSeconds,
    startWindow: wishes.startWindow ?? 900n,
    disputeWindow: wishes.disputeWindow ?? (disputable ? max(HOUR, longEnough) : 0n),
    vramMib: wishes.vramMib ?? 0,
    regions: Number(mask(REGIONS, wishes.regions ?? [])),
    units: wishes.gpus ?? 1,
    concurrentLeases: wishes.concurrentLeases ?? (isQuorum ? verification.size : 1),
    retries: wishes.retries ?? 2,
    acceptSimulated: wishes.acceptSimulated ?? false,
    spot: wishes.spot ?? false,
    serviceLevel: place(SERVICE_LEVELS, wishes.serviceLevel ?? "none"),
    payment: place(PAYMENTS, payment),
    ...verificationFields(verification),
  };
  const repeated = Math.ceil((terms.concurrentLeases * terms.spotCheckBps) / 10_000);
  const deposit = wishes.deposit ?? worstCase(terms) * BigInt(terms.concurrentLeases + repeated);
  checkTerms({ ...terms, deposit });
  return { ...terms, deposit };
}

function max(one: bigint, other: bigint): bigint {
  return one > other ? one : other;
}

function min(one: bigint, other: bigint): bigint {
  return one < other ? one : other;
}

function mask(all: readonly string[], wanted: readonly string[]): bigint {
  return wanted.reduce((bits, name) => bits | (1n << BigInt(place(all, name))), 0n);
}

function place(all: readonly string[], name: string): number {
  const index = all.indexOf(name);
  if (index < 0) throw new MillraceError("terms-invalid", { message: `there is no \`${name}\`` });
  return index;
}
