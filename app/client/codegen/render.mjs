// Everything under src/generated: the IDL's part by Codama, the rest from what Rust's tests write.
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { renderVisitor } from "@codama/renderers-js";
import { visit } from "@codama/visitors";
import { programTree } from "./tree.mjs";

const HEAD = "// Written by `npm run generate`. Do not edit.\n\n";

/** Writes `<folder>/generated` from the committed IDL, list of errors and list of names. */
export async function render({ idl, errors, catalogue, folder }) {
  const options = {
    generatedFolder: "generated",
    kitImportStrategy: "rootOnly",
    syncPackageJson: false,
    // Said here, so that it does not depend on where the folder is.
    prettierOptions: { printWidth: 120 },
  };
  await visit(await programTree(idl), renderVisitor(folder, options));
  const generated = join(folder, "generated");
  await adapt(generated);
  await writeFile(join(generated, "diagnostics.ts"), diagnostics(await json(errors)));
  await writeFile(join(generated, "catalogue.ts"), names(await json(catalogue)));
}

async function json(path) {
  return JSON.parse(await readFile(path, "utf8"));
}

/** Changes of the generated text for which the renderer has no option. */
async function adapt(generated) {
  const entries = await readdir(generated, { recursive: true, withFileTypes: true });
  const folders = new Set(entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name));
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    await writeFile(path, typePluginAsKit8(nameFilesInImports(await readFile(path, "utf8"), folders)));
  }
}

/** Node's modules must name the file; Codama names the folder, or leaves out the ending. */
function nameFilesInImports(source, folders) {
  const isFolder = (target) => target === "." || folders.has(target.replace(/^\.+\//, ""));
  return source.replace(/ from "(\.[^"]*)"/g, (_, target) => ` from "${target}${isFolder(target) ? "/index" : ""}.js"`);
}

/** The renderer writes the type that Kit's own function had in version 6. */
function typePluginAsKit8(source) {
  const old = /Omit<T, "(\w+)"> & \{ \w+: (\w+) \}/;
  if (!old.test(source)) return source;
  return source
    .replace(old, "ExtendedClient<T, { $1: $2 }>")
    .replace(/^(\s+)extendClient,$/m, "$&$1type ExtendedClient,");
}

function diagnostics(errors) {
  const row = ({ number, code, cause, hint }) => `  ${number}: ${JSON.stringify({ code, cause, hint })},\n`;
  return (
    `${HEAD}/** Every reason for which the program refuses, by the number it fails with. */\n` +
    `export const PROGRAM_DIAGNOSTICS = {\n${errors.map(row).join("")}} as const;\n`
  );
}

function names(catalogue) {
  const constant = (name) => name.replace(/[A-Z]/g, "_$&").toUpperCase();
  const list = ([name, values]) =>
    `/** ${typeof values === "number" ? "In bytes." : "By the number that stands in accounts and events."} */\n` +
    `export const ${constant(name)} = ${JSON.stringify(values, null, 2)} as const;\n`;
  return HEAD + Object.entries(catalogue).map(list).join("\n");
}
