// npm run example NAME [ARGUMENTS]: runs one of examples/typescript, after `npm run build`.
const [name, ...rest] = process.argv.slice(2);
process.argv.splice(2, Infinity, ...rest);
await import(new URL(`../build/examples/typescript/${name}.js`, import.meta.url));
