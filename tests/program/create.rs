//! What holds for every account that an instruction creates.

use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::{ID, MarketError};
use millrace_testkit::protocol::seeds;
use millrace_testkit::{Environment, terms, usdc};

#[test]
fn refuses_the_address_of_a_lower_bump() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let mut job = Environment::job_of(&buyer, &buyer, 1);
    let (owner, id) = (buyer.address(), 1u64.to_le_bytes());
    let (_, canonical) = Environment::find(&[seeds::JOB, owner.as_ref(), &id]);
    let lower = |bump| Pubkey::create_program_address(&[seeds::JOB, owner.as_ref(), &id, &[bump]], &ID).ok();
    let (bump, address) = (0..canonical).rev().find_map(|bump| Some((bump, lower(bump)?))).unwrap();
    job.address = address;
    job.vault = Environment::derive(&[seeds::JOB_VAULT, address.as_ref()]);
    let mut call = chain.open_job(&job, 1, terms());
    call.data.args.job_bump = bump;
    chain.refuses(&call, MarketError::BumpNotCanonical);
}

#[test]
fn lamports_at_an_address_do_not_keep_the_account_from_being_created() {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let paid = chain.lamports(&buyer.address());
    let untouched = chain.do_open_job(&buyer, 1, terms());
    let rents = [untouched.address, untouched.vault].map(|address| chain.lamports(&address));
    assert_eq!(chain.lamports(&buyer.address()), paid - rents[0] - rents[1]);

    let job = Environment::job_of(&buyer, &buyer, 2);
    // Less than the rent at one address, more at the other.
    chain.put_lamports(job.address, 1_000_000);
    chain.put_lamports(job.vault, rents[1] + 7);
    let paid = chain.lamports(&buyer.address());
    let call = chain.open_job(&job, 2, terms());
    chain.send(&call).unwrap();
    assert_eq!(chain.lamports(&job.address), rents[0]);
    assert_eq!(chain.lamports(&job.vault), rents[1] + 7);
    assert_eq!(chain.lamports(&buyer.address()), paid - (rents[0] - 1_000_000));
    assert_eq!(chain.job(&job.address).job_vault, job.vault);
    assert_eq!(chain.tokens(&job.vault), usdc(10));
}
