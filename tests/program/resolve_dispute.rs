use anchor_lang::error::ErrorCode;
use anchor_lang::prelude::Pubkey;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::{JobClosed, LeaseSettled, SettledBy};
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{
    BasisPoints, JobTerms, MicroUsdc, Payment, Ruling, Seconds, UnixSeconds, Verification,
};
use millrace_testkit::{Environment, Signer, Wallet, usdc};

use crate::disputed::{disputable, disputed, reported};
use crate::scene::Scene;

fn streamed() -> JobTerms {
    JobTerms { payment: Payment::Streaming, ..disputable() }
}

impl Scene {
    fn ruled(&mut self, ruling: Ruling) -> LeaseSettled {
        let dispute = Environment::dispute_of(&self.lease);
        let (lease_rent, dispute_rent) = (self.chain.lamports(&self.lease.address), self.chain.lamports(&dispute));
        let [scheduler, buyer] = [self.chain.scheduler.pubkey(), self.job.buyer.address()];
        let sol = [scheduler, buyer].map(|key| self.chain.lamports(&key));
        let event = self.chain.do_resolve_dispute(&self.lease, &self.job.buyer, ruling).event();
        assert!(!self.chain.exists(&self.lease.address) && !self.chain.exists(&dispute));
        assert_eq!(self.chain.lamports(&scheduler), sol[0] + lease_rent);
        assert_eq!(self.chain.lamports(&buyer), sol[1] + dispute_rent);
        let job = self.chain.job(&self.job.address);
        assert_eq!((job.dispute_bonds, job.reserved), (0, 0));
        assert_eq!(self.chain.provider(&self.node.provider.address).stake_locked, 0);
        self.chain.ledger().check();
        event
    }

    /// Of the job's vault, the buyer, and the provider's stake and earnings vaults.
    fn balances(&self) -> [u64; 4] {
        let provider = &self.node.provider;
        [self.job.vault, self.job.buyer.tokens, provider.stake_vault, provider.earnings_vault]
            .map(|account| self.chain.tokens(&account).0)
    }
}

#[test]
fn a_provider_in_the_right_is_paid_and_gets_the_challengers_bond() {
    let mut scene = disputed(disputable());
    let event = scene.ruled(Ruling::ProviderRight);
    assert_eq!((event.by, event.outcome, event.job_state), (SettledBy::RulingForProvider, 0, 3));
    assert_eq!((event.payment, event.fee, event.compensation, event.forfeit), (200_000, 10_000, 0, 0));
    assert_eq!((event.challenger_refund, event.challenger_forfeit), (0, usdc(1).0));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(11).0, usdc(11).0 - 1_200_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 1_200_000));
    assert_eq!(scene.balances(), [9_800_000, usdc(89).0, usdc(100).0, 1_200_000]);
    let provider = scene.chain.provider(&scene.node.provider.address);
    assert_eq!((provider.earnings_owner, provider.earnings_fees), (1_190_000, 10_000));
    assert_eq!(scene.chain.job(&scene.job.address).disputes_lost, 1);
    let closed: JobClosed = scene.chain.do_close_job(&scene.job).event();
    assert_eq!((closed.refund, closed.surplus), (9_800_000, 0));
}

#[test]
fn a_buyer_in_the_right_pays_nothing_and_the_bond_is_forfeit() {
    let mut scene = disputed(disputable());
    let event = scene.ruled(Ruling::BuyerRight);
    assert_eq!((event.by, event.outcome, event.job_state), (SettledBy::RulingForBuyer, 9, 0));
    assert_eq!((event.payment, event.fee, event.compensation, event.forfeit), (0, 0, 0, 3_600_000));
    assert_eq!((event.challenger_refund, event.challenger_forfeit), (usdc(1).0, 0));
    assert_eq!((event.before.stake_vault, event.after.stake_vault), (usdc(100).0, usdc(100).0 - 3_600_000));
    assert_eq!(scene.balances(), [usdc(10).0, usdc(90).0, usdc(100).0 - 3_600_000, 3_600_000]);
    let provider = scene.chain.provider(&scene.node.provider.address);
    assert_eq!((provider.earnings_owner, provider.earnings_fees, provider.slashed), (0, 3_600_000, 3_600_000));
    let job = scene.chain.job(&scene.job.address);
    assert_eq!((job.disputes_lost, job.attempts_failed), (0, 1));
}

#[test]
fn what_streaming_has_paid_comes_back_out_of_the_bond() {
    let mut scene = disputed(streamed());
    let event = scene.ruled(Ruling::BuyerRight);
    assert_eq!((event.payment, event.compensation, event.forfeit), (0, 200_000, 3_400_000));
    assert_eq!(scene.balances(), [usdc(10).0, usdc(90).0, usdc(100).0 - 3_600_000, 3_600_000]);
    let provider = scene.chain.provider(&scene.node.provider.address);
    assert_eq!((provider.earnings_owner, provider.earnings_fees), (190_000, 3_410_000));
}

#[test]
fn a_split_pays_half_of_what_was_not_paid_and_returns_both_bonds() {
    let mut scene = disputed(disputable());
    let event = scene.ruled(Ruling::Split);
    assert_eq!((event.by, event.outcome, event.job_state), (SettledBy::RulingSplit, 0, 3));
    assert_eq!((event.payment, event.fee, event.forfeit), (100_000, 5_000, 0));
    assert_eq!((event.challenger_refund, event.challenger_forfeit), (usdc(1).0, 0));
    assert_eq!(scene.balances(), [9_900_000, usdc(90).0, usdc(100).0, 100_000]);
    assert_eq!(scene.chain.job(&scene.job.address).disputes_lost, 0);
}

#[test]
fn a_spot_check_that_was_wrong_costs_the_scheduler_and_leaves_the_buyers_record() {
    let check = Verification::SpotCheck { share: BasisPoints(500) };
    let Scene { mut chain, job, lease, .. } = reported(JobTerms { verification: check, ..disputable() });
    let scheduler = Wallet { key: chain.scheduler.insecure_clone(), tokens: Pubkey::new_unique() };
    chain.put_tokens(scheduler.tokens, scheduler.address(), chain.mint, usdc(5));
    chain.do_open_dispute(&lease, &scheduler);
    chain.do_resolve_dispute(&lease, &scheduler, Ruling::ProviderRight);
    assert_eq!(chain.tokens(&scheduler.tokens), usdc(4));
    assert_eq!(chain.tokens(&lease.node.provider.earnings_vault).0, 1_200_000);
    assert_eq!(chain.job(&job.address).disputes_lost, 0);
    chain.ledger().check();
}

#[test]
fn takes_any_token_account_of_the_challenger() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let mut call = chain.resolve_dispute(&lease, &job.buyer, Ruling::BuyerRight);
    call.accounts.parties.challenger_tokens = Pubkey::new_unique();
    chain.put_tokens(call.accounts.parties.challenger_tokens, job.buyer.address(), chain.mint, MicroUsdc(5));
    chain.send(&call).unwrap();
    assert_eq!(chain.tokens(&call.accounts.parties.challenger_tokens).0, usdc(1).0 + 5);
}

#[test]
fn the_arbiter_rules_until_the_last_second_and_not_later() {
    let mut scene = disputed(disputable());
    let end = UnixSeconds(scene.chain.now().0 + 7 * 86_400);
    let mut late = scene.chain.fork();
    late.travel_to(end);
    let call = late.resolve_dispute(&scene.lease, &scene.job.buyer, Ruling::BuyerRight);
    late.refuses(&call, MarketError::DeadlinePassed);
    scene.chain.travel_to(UnixSeconds(end.0 - 1));
    scene.ruled(Ruling::BuyerRight);
}

#[test]
fn refuses_whoever_is_not_the_arbiter() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    for key in [chain.admin.insecure_clone(), chain.scheduler.insecure_clone(), job.buyer.key.insecure_clone()] {
        let mut call = chain.resolve_dispute(&lease, &job.buyer, Ruling::BuyerRight);
        call.accounts.arbiter = key.pubkey();
        call.signers.push(key);
        chain.refuses(&call, MarketError::WrongArbiter);
    }
    let arbiter = chain.arbiter.pubkey();
    let call = chain.resolve_dispute(&lease, &job.buyer, Ruling::BuyerRight).without_signature_of(arbiter);
    chain.refuses(&call, ErrorCode::AccountNotSigner);
}

#[test]
fn refuses_a_ruling_that_does_not_exist() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let mut call = chain.resolve_dispute(&lease, &job.buyer, Ruling::Split);
    call.data.args.ruling = 3;
    chain.refuses(&call, MarketError::RulingUnknown);
}

#[test]
fn refuses_a_second_ruling() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let call = chain.resolve_dispute(&lease, &job.buyer, Ruling::Split);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_a_lease_that_is_not_disputed() {
    let Scene { mut chain, job, lease, .. } = disputed(disputable());
    let mut undisputed = chain.lease(&lease.address);
    undisputed.state = 2;
    chain.put(lease.address, &undisputed);
    let call = chain.resolve_dispute(&lease, &job.buyer, Ruling::Split);
    chain.refuses(&call, MarketError::LeaseNotDisputed);
}

#[test]
fn refuses_the_dispute_of_another_lease() {
    let mut scene = disputed(disputable());
    let node = scene.chain.rig(usdc(100));
    let other = scene.chain.do_open_lease(&scene.job, &node);
    let Scene { mut chain, job, lease, .. } = scene;
    chain.advance(Seconds(10));
    chain.do_settle_final(&other, Seconds(10), ExitClass::Completed);
    chain.do_open_dispute(&other, &job.buyer);
    let mut call = chain.resolve_dispute(&lease, &job.buyer, Ruling::Split);
    call.accounts.parties.dispute = Environment::dispute_of(&other);
    chain.refuses(&call, MarketError::WrongDispute);
}

#[test]
fn refuses_money_and_rent_for_somebody_else() {
    let mut scene = disputed(disputable());
    let other = scene.unrelated();
    let Scene { mut chain, job, lease, node, .. } = scene;
    let happy = |chain: &Environment| chain.resolve_dispute(&lease, &job.buyer, Ruling::BuyerRight);

    for stranger in [node.provider.owner.tokens, job.vault] {
        let mut call = happy(&chain);
        call.accounts.parties.challenger_tokens = stranger;
        chain.refuses(&call, MarketError::WrongTokenOwner);
    }
    let mut call = happy(&chain);
    call.accounts.parties.challenger_tokens = Pubkey::new_unique();
    let foreign = Pubkey::new_unique();
    chain.put_tokens(call.accounts.parties.challenger_tokens, job.buyer.address(), foreign, MicroUsdc::ZERO);
    chain.refuses(&call, MarketError::WrongMint);
    let mut call = happy(&chain);
    call.accounts.parties.dispute_rent_payer = chain.scheduler.pubkey();
    chain.refuses(&call, MarketError::WrongRentPayer);
    let mut call = happy(&chain);
    call.accounts.parties.lease.rent_payer = job.buyer.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
    let mut call = happy(&chain);
    call.accounts.parties.lease.job_vault = other.job.vault;
    chain.refuses(&call, MarketError::WrongVault);
    let mut call = happy(&chain);
    call.accounts.parties.lease.earnings_vault = other.node.provider.earnings_vault;
    chain.refuses(&call, MarketError::WrongVault);
}
