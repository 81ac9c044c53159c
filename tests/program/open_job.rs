use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::JobOpened;
use millrace_testkit::protocol::{GpuUnits, JobTerms, MicroUsdc, PricePerGpuHour, Requirements, Seconds};
use millrace_testkit::{Environment, JobHandle, Wallet, terms, usdc};

fn ready() -> (Environment, Wallet, JobHandle) {
    let mut chain = Environment::new();
    let buyer = chain.wallet(usdc(50));
    let job = Environment::job_of(&buyer, &buyer, 1);
    (chain, buyer, job)
}

#[test]
fn moves_the_deposit_into_the_jobs_own_vault() {
    let (mut chain, buyer, job) = ready();
    let call = chain.open_job(&job, 1, terms());
    let event: JobOpened = chain.send(&call).unwrap().event();

    let state = chain.job(&job.address);
    assert_eq!((state.buyer, state.funder, state.id), (buyer.address(), buyer.address(), 1));
    assert_eq!((state.attestor, state.mint, state.spec_hash), (Pubkey::default(), chain.mint, [7; 32]));
    assert_eq!((state.rent_payer, state.prepaid, state.quorum_open), (buyer.address(), 0, 0));
    assert_eq!(JobTerms::try_from(state.terms), Ok(terms()));
    assert_eq!((state.state, state.reserved, state.paid, state.leases_opened), (0, 0, 0, 0));
    assert_eq!(state.start_deadline, chain.now().0 + 600);
    assert_eq!(chain.tokens(&job.vault), usdc(10));
    assert_eq!(chain.tokens(&buyer.tokens), usdc(40));
    assert_eq!((event.deposit, event.funder_before, event.funder_after), (usdc(10).0, usdc(50).0, usdc(40).0));
    assert_eq!((event.vault_before, event.vault_after), (0, usdc(10).0));
    assert_eq!((event.job, event.spec_hash, event.at), (job.address, [7; 32], chain.now().0));
}

#[test]
fn lets_somebody_else_pay_deposit_and_rent() {
    let (mut chain, buyer, _) = ready();
    let funder = chain.wallet(usdc(10));
    let (sol_of_buyer, sol_of_funder) = (chain.lamports(&buyer.address()), chain.lamports(&funder.address()));
    let job = Environment::job_of(&buyer, &funder, 1);
    let call = chain.open_job(&job, 1, terms());
    chain.send(&call).unwrap();

    assert_eq!(chain.job(&job.address).funder, funder.address());
    assert_eq!((chain.tokens(&buyer.tokens), chain.tokens(&funder.tokens)), (usdc(50), MicroUsdc::ZERO));
    let rent = chain.lamports(&job.address) + chain.lamports(&job.vault);
    assert_eq!(chain.lamports(&buyer.address()), sol_of_buyer);
    assert_eq!(chain.lamports(&funder.address()), sol_of_funder - rent);
}

#[test]
fn refuses_terms_that_contradict_themselves() {
    let (mut chain, _, job) = ready();
    let requirements = terms().requirements;
    for bad in [
        JobTerms { requirements: Requirements { units: GpuUnits(0), ..requirements }, ..terms() },
        JobTerms { requirements: Requirements { gpu_classes: 1 << 63, ..requirements }, ..terms() },
        JobTerms { requirements: Requirements { regions: 1 << 31, ..requirements }, ..terms() },
        JobTerms { concurrent_leases: 0, ..terms() },
        JobTerms { lease_seconds: Seconds(9), ..terms() },
        JobTerms { start_window: Seconds(0), ..terms() },
    ] {
        let call = chain.open_job(&job, 1, bad);
        chain.refuses(&call, MarketError::TermsInvalid);
    }
}

#[test]
fn takes_a_deposit_for_one_lease_and_none_smaller() {
    let (mut chain, _, job) = ready();
    let worst_case = terms().worst_case().unwrap();
    let call = chain.open_job(&job, 1, JobTerms { deposit: MicroUsdc(worst_case.0 - 1), ..terms() });
    chain.refuses(&call, MarketError::DepositTooSmall);
    let call = chain.open_job(&job, 1, JobTerms { deposit: worst_case, ..terms() });
    chain.send(&call).unwrap();
}

#[test]
fn refuses_a_worst_case_over_64_bits() {
    let (mut chain, _, job) = ready();
    let call = chain.open_job(
        &job,
        1,
        JobTerms { maximum_price: PricePerGpuHour::MAX, lease_seconds: Seconds(7_200), ..terms() },
    );
    chain.refuses(&call, MarketError::Overflow);
}

#[test]
fn refuses_a_buyer_without_funds() {
    let (mut chain, _, job) = ready();
    let call = chain.open_job(&job, 1, JobTerms { deposit: usdc(51), ..terms() });
    chain.refuses(&call, 1);
}

#[test]
fn refuses_an_id_in_use() {
    let (mut chain, buyer, job) = ready();
    chain.do_open_job(&buyer, 1, terms());
    let call = chain.open_job(&job, 1, terms());
    chain.refuses(&call, 0);
}

#[test]
fn refuses_without_the_buyers_or_the_funders_signature() {
    let (mut chain, buyer, _) = ready();
    let funder = chain.wallet(usdc(10));
    let job = Environment::job_of(&buyer, &funder, 1);
    for key in [buyer.address(), funder.address()] {
        let call = chain.open_job(&job, 1, terms()).without_signature_of(key);
        chain.refuses(&call, ErrorCode::AccountNotSigner);
    }
}

#[test]
fn refuses_tokens_of_another_mint() {
    let (mut chain, buyer, job) = ready();
    let mut call = chain.open_job(&job, 1, terms());
    call.accounts.funder_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.funder_tokens, buyer.address(), Pubkey::new_unique(), usdc(10));
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_a_vault_of_another_mint() {
    let (mut chain, _, job) = ready();
    let mut call = chain.open_job(&job, 1, terms());
    call.accounts.mint = Pubkey::new_unique();
    chain.put_mint(call.accounts.mint);
    chain.refuses(&call, MarketError::WrongMint);
}

#[test]
fn refuses_tokens_of_somebody_else() {
    let (mut chain, _, job) = ready();
    let mut call = chain.open_job(&job, 1, terms());
    call.accounts.funder_tokens = chain.wallet(usdc(10)).tokens;
    chain.refuses(&call, MarketError::WrongTokenOwner);
}

#[test]
fn refuses_the_addresses_of_another_job() {
    let (mut chain, buyer, job) = ready();
    let other = Environment::job_of(&buyer, &buyer, 2);
    let mut call = chain.open_job(&job, 1, terms());
    call.accounts.job = other.address;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
    let mut call = chain.open_job(&job, 1, terms());
    call.accounts.job_vault = other.vault;
    chain.refuses(&call, ErrorCode::ConstraintSeeds);
}
