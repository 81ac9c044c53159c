import { MillraceError } from "../errors/MillraceError.js";
import { verificationOf } from "../terms/verification.js";
import type { JobSpec } from "./jobSpec.js";

const OFTENEST = 10n;
const RAREST = 86_400n;
/** Ten years of 365 days. */
const LONGEST_RUN = 315_360_000n;
const MIB = 1_048_576n;
const LARGEST_VERSION = 0xffff_ffff;

/**
 * What may stand together in a spec: notices, checkpoints, early or encrypted outputs, gangs, services and auctions do not
 * go with everything, and inputs may leave a task no room for its outputs. A rig or an orchestrator that refuses the spec does so only after its deposit is in the vault. `specHash` calls it. Not all rules of
 * a job file are here: names, paths, other sizes and lists are looked at by the orchestrator. Throws `spec-invalid`,
 * whose message names the field.
 */
export function checkSpec(spec: JobSpec): void {
  const flaws = [noticeFlaw, checkpointFlaw, earlyOutputsFlaw, sealedFlaw, shapeFlaw, auctionFlaw, versionFlaw];
  const wrong = flaws.map((flaw) => flaw(spec)).find((found) => found !== undefined);
  if (wrong) throw new MillraceError("spec-invalid", { message: wrong });
  checkDisk(spec);
}

/** A rig counts inputs as they are uploaded, encrypted ones too, and each task has all of them. */
function checkDisk({ inputs, limits }: JobSpec): void {
  const disk = BigInt(limits.diskMib) * MIB;
  const bytes = Object.values(inputs).reduce((sum, { size }) => sum + size, 0n);
  if (bytes < disk) return;
  throw new MillraceError("spec-invalid", {
    message: `\`limits.diskMib\` gives ${disk} bytes to inputs and outputs, and the inputs have ${bytes}`,
    hint: `raise \`limits.diskMib\` to at least ${bytes / MIB + 1n}, and by what a task writes`,
  });
}

function noticeFlaw({ finishOnNotice, shape, terms }: JobSpec): string | undefined {
  if (finishOnNotice !== true) return undefined;
  if (!terms.spot) return "`finishOnNotice` is for spot leases alone: no other lease gets notice";
  return isService(shape) ? "`finishOnNotice` is left out of a service: its replicas do not end" : undefined;
}

function checkpointFlaw({ checkpoint, shape, terms, sealed }: JobSpec): string | undefined {
  if (checkpoint === undefined) return undefined;
  const { every } = checkpoint;
  const interval = intervalFlaw("checkpoint.every", every);
  if (interval) return interval;
  if (isService(shape)) return "`checkpoint` is left out of a service: its replicas are no attempts at one task";
  if (isCompared(terms)) {
    return "`checkpoint` is left out where results are compared: each rig is to come to them by itself";
  }
  if (sealed?.outputs === undefined) return undefined;
  return "`checkpoint` and `sealed.outputs` do not go together: the rig that reads a checkpoint is not known yet";
}

function earlyOutputsFlaw({ outputs, shape, terms }: JobSpec): string | undefined {
  if (outputs === undefined) return undefined;
  const interval = intervalFlaw("outputs.every", outputs.every);
  if (interval) return interval;
  if (isService(shape)) return "`outputs` is left out of a service: what its replicas leave is no result";
  return isCompared(terms)
    ? "`outputs` is left out where results are compared: none is to be seen before it counts"
    : undefined;
}

function sealedFlaw({ sealed, terms }: JobSpec): string | undefined {
  if (sealed?.outputs === undefined || !isCompared(terms)) return undefined;
  return "`sealed.outputs` is left out where results are compared: no two encryptions of one file are the same";
}

function shapeFlaw({ shape, terms }: JobSpec): string | undefined {
  if (shape === undefined) return undefined;
  const runFor = "service" in shape ? shape.service.runFor : undefined;
  if (runFor !== undefined && (runFor < 1n || runFor > LONGEST_RUN)) {
    return `\`service.runFor\` is ${runFor} s, and may be 1 s to ten years`;
  }
  if (!isCompared(terms)) return undefined;
  return "`shape` is left out where results are compared: neither gangs nor services can be run twice";
}

function auctionFlaw({ placement, shape, terms }: JobSpec): string | undefined {
  if (placement?.auction !== true || (shape === undefined && !terms.spot)) return undefined;
  return "`placement.auction` is left out for gangs, services and spot leases: those are taken at posted prices";
}

function versionFlaw({ placement }: JobSpec): string | undefined {
  const versions = { minimumCuda: placement?.minimumCuda, minimumDriver: placement?.minimumDriver };
  const flawed = Object.entries(versions).find(([, version = 0]) => !isVersion(version));
  if (flawed === undefined) return undefined;
  return `\`placement.${flawed[0]}\` is ${flawed[1]}, and is a whole number: 12_004 for a version 12.4`;
}

function isVersion(version: number): boolean {
  return Number.isInteger(version) && version >= 0 && version <= LARGEST_VERSION;
}

function intervalFlaw(field: string, every: bigint): string | undefined {
  return every < OFTENEST || every > RAREST ? `\`${field}\` is ${every} s, and may be 10 s to a day` : undefined;
}

/** Whether tasks run more than once, to compare what comes out. */
function isCompared(terms: JobSpec["terms"]): boolean {
  const policy = verificationOf(terms)?.policy;
  return policy === "quorum" || policy === "spot-check";
}

function isService(shape: JobSpec["shape"]): boolean {
  return shape !== undefined && "service" in shape;
}
