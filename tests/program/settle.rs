use anchor_lang::error::ErrorCode;
use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::VoucherSettled;
use millrace_testkit::protocol::voucher::{ExitClass, Voucher};
use millrace_testkit::protocol::{Address, JobTerms, Seconds};
use millrace_testkit::{Keypair, Signer, attestation, signature_check, terms, usdc};

use crate::scene::Scene;

#[test]
fn the_first_voucher_starts_the_lease_and_pays_its_seconds() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let event: VoucherSettled = chain.do_settle(&lease, Seconds(90)).event();

    let state = chain.lease(&lease.address);
    assert_eq!((state.state, state.sequence, state.metered_seconds), (1, 1, 90));
    assert_eq!((state.paid, state.fees, state.reserved), (90_000, 4_500, 3_600_000 - 90_000));
    assert_eq!(state.checkpoint_by, chain.now().0 + 900);
    let ledger = chain.job(&job.address);
    assert_eq!((ledger.paid, ledger.fees, ledger.reserved), (85_500, 4_500, 3_600_000 - 90_000));
    assert_eq!(chain.tokens(&job.vault).0, usdc(10).0 - 90_000);
    assert_eq!(chain.tokens(&node.provider.earnings_vault).0, 90_000);
    let provider = chain.provider(&node.provider.address);
    assert_eq!((provider.earnings_owner, provider.earnings_fees), (85_500, 4_500));
    assert_eq!((event.payment, event.fee, event.sequence, event.outcome), (90_000, 4_500, 1, None));
    assert_eq!((event.before.job_vault, event.after.job_vault), (usdc(10).0, usdc(10).0 - 90_000));
    assert_eq!((event.before.earnings_vault, event.after.earnings_vault), (0, 90_000));
    chain.ledger().check();
}

#[test]
fn a_later_voucher_pays_only_what_is_new() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(50));
    let event: VoucherSettled = chain.do_settle(&lease, Seconds(80)).event();
    assert_eq!((event.payment, event.fee, event.lease_paid, event.lease_fees), (30_000, 1_500, 80_000, 4_000));
    let nothing_new: VoucherSettled = chain.do_settle(&lease, Seconds(80)).event();
    assert_eq!((nothing_new.payment, nothing_new.sequence), (0, 3));
    assert_eq!(chain.job(&job.address).paid, 76_000);
    chain.ledger().check();
}

#[test]
fn the_final_voucher_ends_the_lease_and_frees_what_it_held() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let (sol, rent) = (chain.lamports(&chain.scheduler.pubkey()), chain.lamports(&lease.address));
    chain.advance(Seconds(100));
    let last = Voucher {
        is_final: true,
        result_root: [9; 32],
        downtime: Seconds(7),
        ..attestation(lease.address, 5, Seconds(60))
    };
    let call = chain.settle(&lease, &last);
    let event: VoucherSettled = chain.send(&call).unwrap().event();

    assert!(!chain.exists(&lease.address));
    assert_eq!(chain.lamports(&chain.scheduler.pubkey()), sol + rent);
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.reserved, state.live_leases, state.attempts_failed), (3, 0, 0, 0));
    assert_eq!(chain.node(&node.address).leased, 0);
    let provider = chain.provider(&node.provider.address);
    assert_eq!((provider.stake_locked, provider.stake_total, provider.slashed), (0, usdc(100).0, 0));
    assert_eq!((event.outcome, event.job_state, event.result_root), (Some(0), 3, [9; 32]));
    assert_eq!((event.metered_seconds, event.downtime_seconds, event.payment), (60, 7, 60_000));
    chain.ledger().check();
}

#[test]
fn the_exit_class_decides_how_the_job_goes_on() {
    for (class, state, failed) in [
        (ExitClass::Completed, 3, 0),
        (ExitClass::Failed, 3, 0),
        (ExitClass::Released, 0, 0),
        (ExitClass::NodeFault, 0, 1),
    ] {
        let Scene { mut chain, job, lease, .. } = Scene::new();
        chain.advance(Seconds(100));
        chain.do_settle_final(&lease, Seconds(10), class);
        let after = chain.job(&job.address);
        assert_eq!((after.state, after.attempts_failed), (state, failed), "{class:?}");
        if state == 0 {
            assert_eq!(after.start_deadline, chain.now().0 + 600, "{class:?}");
        }
    }
}

#[test]
fn a_failed_job_goes_on_with_the_same_escrow_until_its_attempts_are_used_up() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(10), ExitClass::NodeFault);
    let second = chain.do_open_lease(&job, &node);
    assert_eq!(chain.lease(&second.address).number, 1);
    chain.advance(Seconds(100));
    chain.do_settle_final(&second, Seconds(20), ExitClass::NodeFault);
    let state = chain.job(&job.address);
    assert_eq!((state.state, state.attempts_failed, state.paid + state.fees), (3, 2, 30_000));
}

#[test]
fn one_of_two_leases_ending_leaves_the_job_active() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    let other = chain.do_open_lease(&job, &node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(10), ExitClass::Completed);
    assert_eq!(chain.job(&job.address).state, 1);
    chain.do_settle_final(&other, Seconds(20), ExitClass::Completed);
    assert_eq!(chain.job(&job.address).state, 3);
    chain.ledger().check();
}

#[test]
fn a_deadline_nobody_cranked_takes_nothing_from_finished_work() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(3_000));
    let event: VoucherSettled = chain.do_settle(&lease, Seconds(2_000)).event();
    assert_eq!(event.payment, 2_000_000);
}

#[test]
fn seconds_after_a_cancel_are_not_owed() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_cancel_job(&job);
    chain.advance(Seconds(50));
    let event: VoucherSettled = chain.do_settle_final(&lease, Seconds(150), ExitClass::Released).event();
    assert_eq!((event.metered_seconds, event.payment, event.job_state), (150, 100_000, 3));
    chain.ledger().check();
}

#[test]
fn a_payment_ahead_of_the_cancel_stands_and_nothing_is_paid_back() {
    let Scene { mut chain, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(105));
    chain.do_cancel_job(&job);
    let event: VoucherSettled = chain.do_settle_final(&lease, Seconds(105), ExitClass::Released).event();
    assert_eq!((event.payment, event.lease_paid), (0, 105_000));
    chain.ledger().check();
}

#[test]
fn a_scheduler_that_lost_its_role_still_attests_the_jobs_it_had() {
    let Scene { mut chain, lease, .. } = Scene::new();
    let successor = Keypair::new();
    let mut config = chain.config();
    config.scheduler = successor.pubkey();
    chain.put(millrace_testkit::Environment::config_address(), &config);
    chain.advance(Seconds(100));
    let voucher = attestation(lease.address, 1, Seconds(50));
    let mut call = chain.settle(&lease, &voucher);
    call.before = vec![signature_check(&successor, &voucher)];
    chain.refuses(&call, MarketError::VoucherForged);
    chain.do_settle(&lease, Seconds(50));
}

#[test]
fn refuses_a_replay() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(50)));
    chain.send(&call).unwrap();
    chain.refuses(&call, MarketError::VoucherStale);
}

#[test]
fn refuses_an_older_voucher() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let call = chain.settle(&lease, &attestation(lease.address, 7, Seconds(50)));
    chain.send(&call).unwrap();
    for sequence in [0, 6, 7] {
        let call = chain.settle(&lease, &attestation(lease.address, sequence, Seconds(60)));
        chain.refuses(&call, MarketError::VoucherStale);
    }
}

#[test]
fn refuses_a_sequence_of_zero() {
    let Scene { mut chain, lease, .. } = Scene::new();
    let call = chain.settle(&lease, &attestation(lease.address, 0, Seconds(0)));
    chain.refuses(&call, MarketError::VoucherStale);
}

#[test]
fn refuses_to_settle_an_ended_lease() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let last = Voucher { is_final: true, ..attestation(lease.address, 1, Seconds(50)) };
    let call = chain.settle(&lease, &last);
    chain.send(&call).unwrap();
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
    let call = chain.settle(&lease, &Voucher { sequence: 2, ..last });
    chain.refuses(&call, ErrorCode::AccountOwnedByWrongProgram);
}

#[test]
fn refuses_a_voucher_of_another_lease() {
    let mut scene = Scene::new();
    let sibling = scene.chain.do_open_lease(&scene.job, &scene.node);
    let stranger = scene.unrelated();
    scene.chain.advance(Seconds(100));
    for other in [sibling.address, stranger.address] {
        let call = scene.chain.settle(&scene.lease, &attestation(other, 1, Seconds(50)));
        scene.chain.refuses(&call, MarketError::VoucherForeign);
    }
}

#[test]
fn refuses_a_voucher_of_another_program() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let voucher = Voucher { program: Address([3; 32]), ..attestation(lease.address, 1, Seconds(50)) };
    let call = chain.settle(&lease, &voucher);
    chain.refuses(&call, MarketError::VoucherForeign);
}

#[test]
fn refuses_a_voucher_of_an_earlier_job_under_the_same_id() {
    let Scene { mut chain, node, job, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let old = attestation(lease.address, 9, Seconds(100));
    chain.do_settle_final(&lease, Seconds(90), ExitClass::Completed);
    chain.do_close_job(&job);

    let again = chain.do_open_job(&job.buyer, 1, terms());
    assert_eq!(again.address, job.address);
    let later = chain.do_open_lease(&again, &node);
    assert_ne!(later.address, lease.address);
    chain.advance(Seconds(200));
    let call = chain.settle(&later, &old);
    chain.refuses(&call, MarketError::VoucherForeign);
}

#[test]
fn refuses_to_take_back_seconds() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let first = Voucher { downtime: Seconds(10), ..attestation(lease.address, 1, Seconds(50)) };
    let call = chain.settle(&lease, &first);
    chain.send(&call).unwrap();
    for back in [
        Voucher { sequence: 2, metered: Seconds(49), ..first },
        Voucher { sequence: 2, downtime: Seconds(9), ..first },
        Voucher { sequence: 2, metered: Seconds(0), is_final: true, ..first },
    ] {
        let call = chain.settle(&lease, &back);
        chain.refuses(&call, MarketError::VoucherFallsBack);
    }
}

#[test]
fn takes_seconds_up_to_the_clock_and_its_slack_and_none_beyond() {
    let Scene { mut chain, lease, .. } = Scene::new();
    chain.advance(Seconds(100));
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(106)));
    chain.refuses(&call, MarketError::VoucherAheadOfClock);
    let both = Voucher { downtime: Seconds(6), ..attestation(lease.address, 1, Seconds(100)) };
    let call = chain.settle(&lease, &both);
    chain.refuses(&call, MarketError::VoucherAheadOfClock);
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(105)));
    chain.send(&call).unwrap();
}

#[test]
fn takes_seconds_up_to_the_leases_length_and_none_beyond() {
    let Scene { mut chain, lease, .. } = Scene::with(JobTerms { lease_seconds: Seconds(60), ..terms() });
    chain.advance(Seconds(100));
    let call = chain.settle(&lease, &attestation(lease.address, 1, Seconds(61)));
    chain.refuses(&call, MarketError::VoucherBeyondLease);
    let event: VoucherSettled = chain.do_settle(&lease, Seconds(60)).event();
    assert_eq!(event.payment, 60_000);
}

#[test]
fn refuses_seconds_that_overflow() {
    let Scene { mut chain, lease, .. } = Scene::new();
    let voucher = Voucher { downtime: Seconds(1), ..attestation(lease.address, 1, Seconds::MAX) };
    let call = chain.settle(&lease, &voucher);
    chain.refuses(&call, MarketError::Overflow);
}

#[test]
fn refuses_accounts_that_the_lease_does_not_name() {
    let mut scene = Scene::new();
    let other = scene.unrelated();
    let second_node = scene.chain.do_add_node(
        &scene.node.provider,
        millrace_testkit::hardware(),
        millrace_testkit::protocol::PricePerGpuHour(3_600_000),
    );
    let Scene { mut chain, lease, .. } = scene;
    chain.advance(Seconds(100));
    let voucher = attestation(lease.address, 1, Seconds(50));

    let mut call = chain.settle(&lease, &voucher);
    (call.accounts.job, call.accounts.job_vault) = (other.job.address, other.job.vault);
    chain.refuses(&call, MarketError::WrongJob);
    let mut call = chain.settle(&lease, &voucher);
    call.accounts.node = second_node.address;
    chain.refuses(&call, MarketError::WrongNode);
    let mut call = chain.settle(&lease, &voucher);
    call.accounts.provider = other.node.provider.address;
    call.accounts.earnings_vault = other.node.provider.earnings_vault;
    chain.refuses(&call, MarketError::WrongProvider);
    let mut call = chain.settle(&lease, &voucher);
    call.accounts.rent_payer = other.job.buyer.address();
    chain.refuses(&call, MarketError::WrongRentPayer);
}

#[test]
fn refuses_the_vaults_of_others() {
    let mut scene = Scene::new();
    let other = scene.unrelated();
    let Scene { mut chain, node, lease, .. } = scene;
    chain.advance(Seconds(100));
    let voucher = attestation(lease.address, 1, Seconds(50));
    let mut call = chain.settle(&lease, &voucher);
    call.accounts.job_vault = other.job.vault;
    chain.refuses(&call, MarketError::WrongVault);
    for vault in [other.node.provider.earnings_vault, node.provider.stake_vault, node.provider.owner.tokens] {
        let mut call = chain.settle(&lease, &voucher);
        call.accounts.earnings_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
    for vault in [other.node.provider.stake_vault, node.provider.earnings_vault, node.provider.owner.tokens] {
        let mut call = chain.settle(&lease, &voucher);
        call.accounts.stake_vault = vault;
        chain.refuses(&call, MarketError::WrongVault);
    }
}
