import { bytesToHex } from "@noble/hashes/utils.js";
import { MillraceError } from "../errors/MillraceError.js";
import { entries, text } from "../spec/canonical.js";
import { canonicalObject, type ObjectRef } from "../spec/jobSpec.js";
import { checkedIdentity } from "./keys.js";

/** Bytes that all secret files of a job may have together. */
export const LARGEST_SECRET_FILES = 64 * 1024;

/** What a lease's rig gets to know. What is named in the spec's `sealed` must be here, and nothing else. */
export interface Secrets {
  /** By name under `/run/secrets`. */
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly inputs?: InputKey;
  readonly registry?: RegistryLogin;
}

/** How encrypted inputs are read. */
export interface InputKey {
  /** See `dataKey`. */
  readonly key: string;
  /** What each input is once it is decrypted, by path under `/inputs`. */
  readonly plain: Readonly<Record<string, ObjectRef>>;
}

/** For one registry, and sent to no other. */
export interface RegistryLogin {
  /** As image names have it, such as `registry.example:5000`. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

/** JSON text as the network's Rust writes it. Throws `secrets-too-large`, `identity-malformed`. */
export function canonicalSecrets({ files = {}, inputs, registry }: Secrets): string {
  const bytes = Object.values(files).reduce((sum, content) => sum + content.length, 0);
  if (bytes > LARGEST_SECRET_FILES) {
    const message = `the secrets have ${bytes} bytes together, and may have ${LARGEST_SECRET_FILES}`;
    throw new MillraceError("secrets-too-large", { message });
  }
  const fields = [
    ...(Object.keys(files).length === 0 ? [] : [`"files":${entries(files, (content) => text(bytesToHex(content)))}`]),
    ...(inputs === undefined
      ? []
      : [`"inputs":{"key":${text(checkedIdentity(inputs.key))},"plain":${entries(inputs.plain, canonicalObject)}}`]),
    ...(registry === undefined
      ? []
      : [
          `"registry":{"host":${text(registry.host)},"username":${text(registry.username)},` +
            `"password":${text(registry.password)}}`,
        ]),
  ];
  return `{${fields.join(",")}}`;
}
