// Derived addresses that an Anchor IDL leaves out or has wrong, those with numbers among their seeds, and
// accounts of an instruction that follow from others.
import {
  accountBumpValueNode,
  accountValueNode,
  argumentValueNode,
  camelCase,
  constantPdaSeedNodeFromString,
  numberTypeNode,
  pdaSeedValueNode,
  pdaValueNode,
  programIdValueNode,
  publicKeyTypeNode,
  publicKeyValueNode,
  variablePdaSeedNode,
} from "@codama/nodes";
import {
  addPdasVisitor,
  bottomUpTransformerVisitor,
  setInstructionAccountDefaultValuesVisitor,
} from "@codama/visitors";
import { address, getProgramDerivedAddress } from "@solana/kit";

const word = (text) => constantPdaSeedNodeFromString("utf8", text);
const key = (name) => variablePdaSeedNode(name, publicKeyTypeNode());
const number = (name, format) => variablePdaSeedNode(name, numberTypeNode(format));

const SEEDS = {
  eventAuthority: [word("__event_authority")],
  job: [word("job"), key("buyer"), number("id", "u64")],
  lease: [word("lease"), key("job"), number("openedSlot", "u64"), number("number", "u32")],
  node: [word("node"), key("provider"), number("index", "u32")],
};

/** Without the addresses below: of a number in another account, Anchor writes that account's own address. */
export function withoutWrongSeeds(idl) {
  const account = ({ pda, ...rest }) => (pda && !(camelCase(rest.name) in SEEDS) ? { ...rest, pda } : rest);
  const instruction = (one) => ({ ...one, accounts: one.accounts.map(account) });
  return { ...idl, instructions: idl.instructions.map(instruction) };
}

export function seedsVisitor(program) {
  return addPdasVisitor({ [program.name]: Object.entries(SEEDS).map(([name, seeds]) => ({ name, seeds })) });
}

const of = (pda, account) => pdaValueNode(pda, [pdaSeedValueNode(account, accountValueNode(account))]);
const newJob = pdaValueNode("job", [
  pdaSeedValueNode("buyer", accountValueNode("buyer")),
  pdaSeedValueNode("id", argumentValueNode("id")),
]);

/** Accounts that need not be passed. */
export async function accountsVisitor(program) {
  const constant = async (seed) => {
    const seeds = [seed];
    const [found] = await getProgramDerivedAddress({ programAddress: address(program.publicKey), seeds });
    return publicKeyValueNode(found);
  };
  return setInstructionAccountDefaultValuesVisitor([
    { account: "eventAuthority", defaultValue: await constant("__event_authority") },
    { account: "program", defaultValue: programIdValueNode() },
    { account: "config", defaultValue: await constant("config") },
    { account: "jobVault", defaultValue: of("jobVault", "job") },
    { account: "stakeVault", defaultValue: of("stakeVault", "provider") },
    { account: "earningsVault", defaultValue: of("earningsVault", "provider") },
    { instruction: "openJob", account: "job", defaultValue: newJob },
  ]);
}

/** Bumps that the program wants to be told are those of the accounts they are named after. */
export function bumpsVisitor() {
  const transform = (instruction) => {
    const accounts = new Set(instruction.accounts.map(({ name }) => name));
    const withBump = (argument) => {
      const account = argument.name.replace(/Bump$/, "");
      if (account === argument.name || !accounts.has(account)) return argument;
      return { ...argument, defaultValue: accountBumpValueNode(account) };
    };
    return { ...instruction, arguments: instruction.arguments.map(withBump) };
  };
  return bottomUpTransformerVisitor([{ select: "[instructionNode]", transform }]);
}
