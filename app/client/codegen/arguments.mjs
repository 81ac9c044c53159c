// The program takes its arguments as one struct per instruction, which two instructions may share; callers
// pass the fields.

/** Puts the fields of `args` in its place: the bytes are the same. */
export function withFlatArguments(idl) {
  const structs = new Map(idl.types.map((type) => [type.name, type.type.fields]));
  const taken = new Set();
  const flat = ({ name, type }) => {
    if (name !== "args") return [{ name, type }];
    taken.add(type.defined.name);
    return structs.get(type.defined.name);
  };
  const instructions = idl.instructions.map((one) => ({ ...one, args: one.args.flatMap(flat) }));
  return { ...idl, instructions, types: idl.types.filter(({ name }) => !taken.has(name)) };
}
