import { MillraceError } from "../errors/MillraceError.js";
import { verificationOf } from "../terms/verification.js";
import type { JobSpec } from "./jobSpec.js";

const OFTENEST = 10n;
const RAREST = 86_400n;

/**
 * What may stand together in a spec: notices, checkpoints and auctions do not go with everything, and a rig or an
 * orchestrator that refuses the spec does so only after its deposit is in the vault. `specHash` calls it. Not all rules of
 * a job file are here: names, paths, sizes and lists are looked at by the orchestrator. Throws `spec-invalid`, whose
 * message names the field.
 */
export function checkSpec(spec: JobSpec): void {
  const wrong = noticeFlaw(spec) ?? checkpointFlaw(spec) ?? auctionFlaw(spec);
  if (wrong) throw new MillraceError("spec-invalid", { message: wrong });
}

function noticeFlaw({ finishOnNotice, shape, terms }: JobSpec): string | undefined {
  if (finishOnNotice !== true) return undefined;
  if (!terms.spot) return "`finishOnNotice` is for spot leases alone: no other lease gets notice";
  return isService(shape) ? "`finishOnNotice` is left out of a service: its replicas do not end" : undefined;
}

function checkpointFlaw({ checkpoint, shape, terms, sealed }: JobSpec): string | undefined {
  if (checkpoint === undefined) return undefined;
  const { every } = checkpoint;
  if (every < OFTENEST || every > RAREST) return `\`checkpoint.every\` is ${every} s, and may be 10 s to a day`;
  if (isService(shape)) return "`checkpoint` is left out of a service: its replicas are no attempts at one task";
  const policy = verificationOf(terms)?.policy;
  if (policy === "quorum" || policy === "spot-check") {
    return "`checkpoint` is left out where results are compared: each rig is to come to them by itself";
  }
  if (sealed?.outputs === undefined) return undefined;
  return "`checkpoint` and `sealed.outputs` do not go together: the rig that reads a checkpoint is not known yet";
}

function auctionFlaw({ placement, shape, terms }: JobSpec): string | undefined {
  if (placement?.auction !== true || (shape === undefined && !terms.spot)) return undefined;
  return "`placement.auction` is left out for gangs, services and spot leases: those are taken at posted prices";
}

function isService(shape: JobSpec["shape"]): boolean {
  return shape !== undefined && "service" in shape;
}
