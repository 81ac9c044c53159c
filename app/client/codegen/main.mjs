// npm run generate [-- FOLDER]: into src, or into FOLDER
import { render } from "./render.mjs";
import { SOURCES, SRC } from "./sources.mjs";

await render({ ...SOURCES, folder: process.argv[2] ?? SRC });
