// What src/generated is made from.
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const SOURCES = {
  idl: here("../../../programs/millrace/deploy/idl.json"),
  errors: here("../errors.json"),
  catalogue: here("../catalogue.json"),
};
export const SRC = here("../src");
