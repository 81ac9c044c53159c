use anchor_lang::prelude::Pubkey;
use anchor_lang::{InstructionData, ToAccountMetas};
use millrace_protocol::seeds;
use solana_signer::Signer;

use super::{HappyCall, cost};
use crate::{Call, Environment, JobHandle, Wallet, builders, usdc};

/// Of so many wallets or ids, the one whose addresses cost most to prove.
const CANDIDATES: u64 = 300;

/// What makes accounts, where their addresses have the lowest bumps, and lamports that somebody sent there
/// before make their creation dearer.
pub(super) fn measure(chain: &mut Environment, costs: &mut Vec<HappyCall>) {
    let owner = unluckiest_wallet(chain, |owner| {
        let (provider, bump) = Environment::find(&[seeds::PROVIDER, owner.as_ref()]);
        luck(bump)
            + luck_of(&[seeds::STAKE_VAULT, provider.as_ref()])
            + luck_of(&[seeds::EARNINGS_VAULT, provider.as_ref()])
    });
    let provider = Environment::provider_of(&owner);
    let call = chain.register_provider(&owner, "Thirty-two bytes of a long name.");
    let made = [provider.address, provider.stake_vault, provider.earnings_vault];
    costs.push(funded_before(chain, "register_provider (worst bumps, addresses funded before)", &made, &call));

    let buyer = unluckiest_wallet(chain, |owner| {
        let (balance, bump) = Environment::find(&[seeds::BUYER, owner.as_ref()]);
        luck(bump) + luck_of(&[seeds::BUYER_VAULT, balance.as_ref()])
    });
    let balance = Environment::balance_of(&buyer);
    let call = chain.open_buyer(&balance);
    let made = [call.accounts.balance, call.accounts.buyer_vault];
    costs.push(funded_before(chain, "open_buyer (worst bumps, addresses funded before)", &made, &call));

    let call = chain.deposit_balance(&buyer, &balance, usdc(100));
    chain.send(&call).expect("deposit_balance");
    let (job, id) = unluckiest_job(&buyer, 0, |job, bump| luck(bump) + luck_of(&[seeds::JOB_VAULT, job.as_ref()]));
    let call = chain.open_job_prepaid(&balance, None, id, builders::terms());
    let made = [job.address, job.vault];
    costs.push(funded_before(chain, "open_job_prepaid (worst bumps, addresses funded before)", &made, &call));

    let buyer = chain.wallet(usdc(100));
    let (job, id) = unluckiest_job(&buyer, 0, |job, bump| luck(bump) + luck_of(&[seeds::JOB_VAULT, job.as_ref()]));
    let call = chain.open_job(&job, id, builders::terms());
    let made = [job.address, job.vault];
    costs.push(funded_before(chain, "open_job (worst bumps, addresses funded before)", &made, &call));

    let slot = chain.svm.clock().slot.to_le_bytes();
    let (job, id) =
        unluckiest_job(&buyer, CANDIDATES, |job, _| luck_of(&[seeds::LEASE, job.as_ref(), &slot, &0u32.to_le_bytes()]));
    let node = chain.rig(usdc(100));
    let call = chain.open_job(&job, id, builders::terms());
    chain.send(&call).expect("open_job");
    let call = chain.open_lease(&job, &node);
    let made = [call.accounts.lease];
    costs.push(funded_before(chain, "open_lease (worst bump, address funded before)", &made, &call));
}

fn luck(bump: u8) -> u16 {
    bump.into()
}

fn luck_of(seeds: &[&[u8]]) -> u16 {
    luck(Environment::find(seeds).1)
}

/// Keys come in an order that is always the same: those before the unluckiest are passed over.
fn unluckiest_wallet(chain: &mut Environment, luck: impl Fn(Pubkey) -> u16) -> Wallet {
    let mut ahead = chain.fork();
    let before = (0..CANDIDATES).min_by_key(|_| luck(ahead.key().pubkey())).unwrap_or_default();
    (0..before).for_each(|_| drop(chain.key()));
    chain.wallet(usdc(1_000))
}

/// A job of the buyer's with an id from `first` on, and that id.
fn unluckiest_job(buyer: &Wallet, first: u64, luck: impl Fn(Pubkey, u8) -> u16) -> (JobHandle, u64) {
    let whole = |id: &u64| {
        let (job, bump) = Environment::find(&[seeds::JOB, buyer.address().as_ref(), &id.to_le_bytes()]);
        luck(job, bump)
    };
    let id = (first..first + CANDIDATES).min_by_key(whole).unwrap_or_default();
    (Environment::job_of(buyer, buyer, id), id)
}

fn funded_before<A: ToAccountMetas, D: InstructionData>(
    chain: &mut Environment,
    instruction: &'static str,
    made: &[Pubkey],
    call: &Call<A, D>,
) -> HappyCall {
    made.iter().for_each(|address| chain.put_lamports(*address, 500_000));
    cost(chain, instruction, call)
}
