export { LARGEST_ENVELOPE, seal, type Binding } from "./envelope.js";
export { decrypt, decryptStream, encrypt, encryptStream, type EncryptedObjects } from "./file.js";
export { handOver, type HandOver } from "./handOver.js";
export { dataKey, freshSalt, identityOf, recipientOf, recipientOfIdentity } from "./keys.js";
export { sealForLease, type Sealing } from "./sealForLease.js";
export { LARGEST_SECRET_FILES, type InputKey, type RegistryLogin, type Secrets } from "./secrets.js";
