//! What each instruction costs: compute units, rent, fees. Measured on the built program.

mod balances;
mod disputes;
mod leases;
mod rounds;
mod worst;

use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{InstructionData, ToAccountMetas};
use anchor_spl::token::spl_token;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{JobTerms, MicroUsdc, PricePerGpuHour, Seconds};

use solana_keypair::Keypair;
use solana_signer::Signer;

use crate::{Call, Environment, NodeHandle, attestation, builders, usdc};

/// One instruction, sent alone in a transaction (a settlement together with its signature check).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    pub instruction: &'static str,
    /// Of the whole transaction.
    pub compute_units: u64,
    /// Lamports that go into accounts, and come back when those are closed; negative where they do.
    pub rent_locked: i64,
    /// Lamports gone for good: the base fee for each signature.
    pub burned: u64,
}

/// What the others are compared with: a transfer of tokens, the least that moves money at all.
pub const BASELINE: &str = "token transfer";

/// A call that went through, and the chain just before it.
pub struct HappyCall {
    pub cost: Cost,
    pub chain: Environment,
    /// The last is the program's.
    pub instructions: Vec<Instruction>,
    pub signers: Vec<Keypair>,
}

/// What every instruction costs, and before them the [`BASELINE`].
///
/// # Panics
/// When one of them fails.
pub fn measure() -> Vec<Cost> {
    let baseline = baseline(&mut Environment::unfounded());
    std::iter::once(baseline).chain(happy_calls().into_iter().map(|call| call.cost)).collect()
}

/// Runs every instruction at least once on a fresh chain.
///
/// # Panics
/// When one of them fails.
pub fn happy_calls() -> Vec<HappyCall> {
    let mut chain = Environment::unfounded();
    let mut costs = Vec::new();
    let call = chain.initialize(builders::parameters());
    costs.push(cost(&mut chain, "initialize", &call));

    let owner = chain.wallet(usdc(1_000));
    let call = chain.register_provider(&owner, "Mill by the race");
    costs.push(cost(&mut chain, "register_provider", &call));
    let provider = Environment::provider_of(&owner);
    let call = chain.add_stake(&provider, usdc(1_000));
    costs.push(cost(&mut chain, "add_stake", &call));
    let key = chain.key();
    let call = chain.add_node(&provider, &key, builders::hardware(), PricePerGpuHour(3_600_000));
    costs.push(cost(&mut chain, "add_node", &call));
    let node = chain.do_add_node(&provider, builders::hardware(), PricePerGpuHour(3_600_000));

    let buyer = chain.wallet(usdc(1_000));
    let job = Environment::job_of(&buyer, &buyer, 1);
    let call = chain.open_job(&job, 1, JobTerms { retries: 5, ..builders::terms() });
    costs.push(cost(&mut chain, "open_job", &call));
    let call = chain.open_lease(&job, &node);
    costs.push(cost(&mut chain, "open_lease", &call));
    let lease = crate::LeaseHandle { address: call.accounts.lease, job: job.clone(), node: node.clone() };
    chain.advance(Seconds(100));
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(60)));
    costs.push(cost(&mut chain, "settle (progressive)", &call));
    let last =
        Voucher { is_final: true, exit_class: ExitClass::Released, ..attestation(lease.address, 2, Seconds(90)) };
    let call = chain.settle(&lease, &last);
    costs.push(cost(&mut chain, "settle (final)", &call));

    let lease = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(300));
    let call = chain.expire_lease(&lease);
    costs.push(cost(&mut chain, "expire_lease", &call));
    let call = chain.cancel_job(&job);
    costs.push(cost(&mut chain, "cancel_job", &call));
    let call = chain.close_job(&job);
    costs.push(cost(&mut chain, "close_job", &call));

    let late = chain.do_open_job(&buyer, 2, builders::terms());
    chain.advance(Seconds(600));
    let call = chain.expire_job(&late);
    costs.push(cost(&mut chain, "expire_job", &call));

    leases::measure(&mut chain, &node, &buyer, &mut costs);
    disputes::measure(&mut chain, &node, &mut costs);
    rounds::measure(&mut chain, &mut costs);
    balances::measure(&mut chain, &mut costs);
    let node = chain.rig(usdc(100));
    govern(&mut chain, &mut costs);
    leave(&mut chain, &mut costs, &node);

    worst::measure(&mut chain, &mut costs);
    costs
}

/// What an admin does.
fn govern(chain: &mut Environment, costs: &mut Vec<HappyCall>) {
    let next = chain.key();
    let call = chain.propose_admin(next.pubkey());
    costs.push(cost(chain, "propose_admin", &call));
    let call = chain.accept_admin(&next);
    costs.push(cost(chain, "accept_admin", &call));
    chain.admin = next;
    let call = chain.set_arbiter(chain.arbiter.pubkey());
    costs.push(cost(chain, "set_arbiter", &call));
    let call = chain.set_parameters(builders::parameters());
    costs.push(cost(chain, "set_parameters", &call));
    let call = chain.set_paused(false);
    costs.push(cost(chain, "set_paused", &call));
    let call = chain.set_scheduler(chain.scheduler.pubkey());
    costs.push(cost(chain, "set_scheduler", &call));
    let call = chain.set_treasury(chain.treasury);
    costs.push(cost(chain, "set_treasury", &call));
}

/// What a provider does until nothing is left of it; `node` is its only one, and new.
fn leave(chain: &mut Environment, costs: &mut Vec<HappyCall>, node: &NodeHandle) {
    let provider = &node.provider;
    let buyer = chain.wallet(usdc(100));
    let job = chain.do_open_job(&buyer, 1, builders::terms());
    let lease = chain.do_open_lease(&job, node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Completed);
    let call = chain.withdraw_earnings(provider);
    costs.push(cost(chain, "withdraw_earnings", &call));
    let call = chain.sweep_fees(provider);
    costs.push(cost(chain, "sweep_fees", &call));
    let call = chain.change_payout(provider, buyer.address());
    costs.push(cost(chain, "change_payout", &call));

    let call = chain.update_node(node, chain.offer(node));
    costs.push(cost(chain, "update_node", &call));
    let call = chain.set_node_status(node, true);
    costs.push(cost(chain, "set_node_status", &call));
    let key = chain.key();
    let call = chain.rotate_node_key(node, &key);
    costs.push(cost(chain, "rotate_node_key", &call));
    let call = chain.remove_node(node);
    costs.push(cost(chain, "remove_node", &call));

    let call = chain.set_provider_status(provider, true);
    costs.push(cost(chain, "set_provider_status (drain)", &call));
    let call = chain.set_provider_status(provider, false);
    costs.push(cost(chain, "set_provider_status (resume)", &call));
    chain.put_reputation(provider, usdc(4));
    let call = chain.delist_provider(provider);
    costs.push(cost(chain, "delist_provider", &call));
    chain.put_reputation(provider, MicroUsdc::ZERO);
    let call = chain.relist_provider(provider);
    costs.push(cost(chain, "relist_provider", &call));

    let call = chain.request_unstake(provider, usdc(100));
    costs.push(cost(chain, "request_unstake", &call));
    chain.advance(builders::parameters().unbonding);
    let call = chain.withdraw_stake(provider);
    costs.push(cost(chain, "withdraw_stake", &call));
    let call = chain.close_provider(provider);
    costs.push(cost(chain, "close_provider", &call));
}

fn baseline(chain: &mut Environment) -> Cost {
    let (from, to) = (chain.wallet(usdc(1)), chain.wallet(usdc(1)));
    let token = anchor_spl::token::ID;
    let transfer = spl_token::instruction::transfer(&token, &from.tokens, &to.tokens, &from.address(), &[], 1);
    let receipt = chain.send_instructions(&[transfer.expect(BASELINE)], &[from.key]).expect(BASELINE);
    Cost { instruction: BASELINE, compute_units: receipt.compute_units, rent_locked: 0, burned: receipt.fee }
}

fn cost<A: ToAccountMetas, D: InstructionData>(
    chain: &mut Environment,
    instruction: &'static str,
    call: &Call<A, D>,
) -> HappyCall {
    let (fork, signers) = (chain.fork(), call.signers.iter().map(Keypair::insecure_clone).collect());
    let instructions = call.before.iter().cloned().chain([call.instruction()]).collect();
    let locked = |chain: &Environment| chain.everything().values().map(|(lamports, _)| *lamports).sum::<u64>();
    let before = locked(chain);
    let receipt = chain.send(call).expect(instruction);
    let rent_locked = i64::try_from(i128::from(locked(chain)) - i128::from(before)).expect("more SOL than exists");
    let cost = Cost { instruction, compute_units: receipt.compute_units, rent_locked, burned: receipt.fee };
    HappyCall { cost, chain: fork, instructions, signers }
}

/// The costs as a Markdown table.
pub fn markdown(costs: &[Cost]) -> String {
    let mut table =
        String::from("| instruction | compute units | lamports locked | lamports burned |\n|---|--:|--:|--:|\n");
    for cost in costs {
        let Cost { instruction, compute_units, rent_locked, burned } = cost;
        table.push_str(&format!("| `{instruction}` | {compute_units} | {rent_locked} | {burned} |\n"));
    }
    table
}
