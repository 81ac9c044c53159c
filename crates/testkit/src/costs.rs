//! What each instruction costs: compute units, rent, fees. Measured on the built program.

mod disputes;
mod leases;
mod rounds;

use anchor_lang::{InstructionData, ToAccountMetas};
use anchor_spl::token::spl_token;
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{JobTerms, PricePerGpuHour, Seconds, seeds};

use crate::{Call, Environment, Wallet, attestation, builders, usdc};

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

/// Runs every instruction once on a fresh chain, and before them the [`BASELINE`].
///
/// # Panics
/// When one of them fails.
pub fn measure() -> Vec<Cost> {
    let mut chain = Environment::unfounded();
    let mut costs = Vec::new();
    costs.push(baseline(&mut chain));
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

    let id = unluckiest_id(&buyer);
    let unlucky = Environment::job_of(&buyer, &buyer, id);
    // Whoever sends lamports to an address before it is used makes its creation dearer.
    chain.put_lamports(unlucky.address, 1_000_000);
    chain.put_lamports(unlucky.vault, 1_000_000);
    let call = chain.open_job(&unlucky, id, builders::terms());
    costs.push(cost(&mut chain, "open_job (worst bumps, addresses funded before)", &call));
    costs
}

/// Of many ids, the one whose job and vault have the lowest bumps together.
fn unluckiest_id(buyer: &Wallet) -> u64 {
    let bumps = |id: &u64| {
        let (job, bump) = Environment::find(&[seeds::JOB, buyer.address().as_ref(), &id.to_le_bytes()]);
        u16::from(bump) + u16::from(Environment::find(&[seeds::JOB_VAULT, job.as_ref()]).1)
    };
    (100..1_100).min_by_key(bumps).unwrap_or_default()
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
) -> Cost {
    let locked = |chain: &Environment| chain.everything().values().map(|(lamports, _)| *lamports).sum::<u64>();
    let before = locked(chain);
    let receipt = chain.send(call).expect(instruction);
    let rent_locked = i64::try_from(i128::from(locked(chain)) - i128::from(before)).expect("more SOL than exists");
    Cost { instruction, compute_units: receipt.compute_units, rent_locked, burned: receipt.fee }
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
