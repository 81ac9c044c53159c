import { text, utf8Order } from "./canonical.js";

/** What the buyer brings to each lease's rig itself; only names are in the spec. */
export interface Sealed {
  /** Names under `/run/secrets`, in any order. */
  readonly files?: readonly string[];
  /** Salt of the key that all inputs are encrypted with: 64 digits of lower-case hex. */
  readonly inputs?: string;
  /** The age recipient that outputs are encrypted to. */
  readonly outputs?: string;
  /** The image's registry, where it wants a login. */
  readonly registry?: string;
}

/** None where nothing is sealed. */
export function canonicalSealed(sealed: Sealed): string | undefined {
  const { inputs, outputs, registry } = sealed;
  const files = [...new Set(sealed.files)].sort(utf8Order);
  const fields = [
    ...(files.length === 0 ? [] : [`"files":[${files.map(text).join(",")}]`]),
    ...(inputs === undefined ? [] : [`"inputs":${text(inputs)}`]),
    ...(outputs === undefined ? [] : [`"outputs":${text(outputs)}`]),
    ...(registry === undefined ? [] : [`"registry":${text(registry)}`]),
  ];
  return fields.length === 0 ? undefined : `{${fields.join(",")}}`;
}
