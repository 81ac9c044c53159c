// Every derived address of the program, and the accounts of an instruction that follow from others.
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
  allowance: [word("allowance"), key("buyer"), key("delegate")],
  buyer: [word("buyer"), key("owner")],
  buyerVault: [word("buyer_vault"), key("buyer")],
  config: [word("config")],
  dispute: [word("dispute"), key("lease")],
  earningsVault: [word("earnings"), key("provider")],
  eventAuthority: [word("__event_authority")],
  job: [word("job"), key("buyer"), number("id", "u64")],
  jobVault: [word("vault"), key("job")],
  lease: [word("lease"), key("job"), number("openedSlot", "u64"), number("number", "u32")],
  node: [word("node"), key("provider"), number("index", "u32")],
  provider: [word("provider"), key("owner")],
  quorum: [word("quorum"), key("job"), number("openedSlot", "u64"), number("round", "u32")],
  stakeVault: [word("stake"), key("provider")],
};

/** Only these of the IDL are kept: of the program's own accounts it says some wrongly and some not at all. */
const KEPT = new Set(["programData"]);

/** Of a number in another account, Anchor writes that account's own address: the list above is the truth. */
export function withoutSeeds(idl) {
  const account = ({ pda, accounts, ...rest }) => ({
    ...rest,
    ...(accounts && { accounts: accounts.map(account) }),
    ...(pda && KEPT.has(camelCase(rest.name)) && { pda }),
  });
  return { ...idl, instructions: idl.instructions.map((one) => ({ ...one, accounts: one.accounts.map(account) })) };
}

export function seedsVisitor(program) {
  return addPdasVisitor({ [program.name]: Object.entries(SEEDS).map(([name, seeds]) => ({ name, seeds })) });
}

/** An address by its seeds: from an account of the same instruction, or from another one where told. */
const of = (pda, ...seeds) => {
  const from = (seed) => (typeof seed === "string" ? pdaSeedValueNode(seed, accountValueNode(seed)) : seed);
  return pdaValueNode(pda, seeds.map(from));
};
const account = (seed, name) => pdaSeedValueNode(seed, accountValueNode(name));
const argument = (seed) => pdaSeedValueNode(seed, argumentValueNode(seed));

/** Instructions of a prepaid balance that its owner signs. */
const OWNERS = [
  "changeAllowance",
  "closeAllowance",
  "closeBuyer",
  "extendJobPrepaid",
  "openAllowance",
  "openBuyer",
  "withdrawBalance",
];

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
    { account: "buyerVault", defaultValue: of("buyerVault", account("buyer", "balance")) },
    { account: "dispute", defaultValue: of("dispute", "lease") },
    { instruction: "registerProvider", account: "provider", defaultValue: of("provider", "owner") },
    { instruction: "openJob", account: "job", defaultValue: of("job", "buyer", argument("id")) },
    ...OWNERS.map((instruction) => ({ instruction, account: "balance", defaultValue: of("buyer", "owner") })),
    {
      instruction: "openAllowance",
      account: "allowance",
      defaultValue: of("allowance", account("buyer", "balance"), argument("delegate")),
    },
  ]);
}

/** Bumps that the program wants to be told are those of the accounts they are named after. */
export function bumpsVisitor() {
  const transform = (instruction) => {
    const accounts = new Set(instruction.accounts.map(({ name }) => name));
    const withBump = (argument) => {
      const named = argument.name.replace(/Bump$/, "");
      // A buyer's account is called what it holds.
      const account = named === "buyer" ? "balance" : named;
      if (named === argument.name || !accounts.has(account)) return argument;
      return { ...argument, defaultValue: accountBumpValueNode(account) };
    };
    return { ...instruction, arguments: instruction.arguments.map(withBump) };
  };
  return bottomUpTransformerVisitor([{ select: "[instructionNode]", transform }]);
}
