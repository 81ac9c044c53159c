//! Whole jobs, and their money read back from the chain.

use millrace_client::accounts::{Account, JobAccount, LeaseAccount, NodeAccount, ProviderAccount};
use millrace_client::history::JobEvent;
use millrace_client::keys::address_of;
use millrace_client::{Error, Refusal, instructions};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{GpuUnits, JobState, LeaseOutcome, LeaseState, MicroUsdc, Seconds, UnixSeconds};

use crate::market::{DEPOSIT, LEASE, Market, PURSE, offer};

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_paid_to_the_second_and_the_statement_sums() {
    let market = Market::found().await;
    let config = market.client.config().await.unwrap();
    assert_eq!(config.scheduler, address_of(&market.scheduler));
    let job = market.open_job(1).await;
    assert_eq!((job.job.state, job.job.terms.deposit, job.spec_hash), (JobState::Open, DEPOSIT, [7; 32]));

    let lease = market.open_lease(job.address).await;
    assert_eq!((lease.lease.state, lease.lease.reserved), (LeaseState::Assigned, MicroUsdc(600_000)));
    let node: NodeAccount = market.client.fetch(market.node).await.unwrap();
    assert_eq!(node.node.free(), GpuUnits(1));
    // An offer built from what was read before the first lease.
    let scheduler = address_of(&market.scheduler);
    let late = instructions::open_lease(scheduler, scheduler, &job, &node, offer(), [0; 32]);
    let late = market.sender(&market.scheduler).prepare(&late, &[]).await.unwrap_err();
    assert!(late.refusal().is_some_and(Refusal::is_outdated), "{late:?}");

    market.pass(60).await;
    let first = market.voucher(&lease, 1, 30, None);
    market.settle(&lease, &first).await.unwrap();
    let again = market.settle(&lease, &first).await.unwrap_err();
    assert_eq!(again.rule(), Some(millrace_protocol::Error::VoucherStale));
    let early = market.settle(&lease, &market.voucher(&lease, 2, 599, None)).await.unwrap_err();
    assert_eq!(early.rule(), Some(millrace_protocol::Error::VoucherAheadOfClock));
    let lease: LeaseAccount = market.client.fetch(lease.address).await.unwrap();
    assert_eq!((lease.lease.state, lease.lease.metered), (LeaseState::Running, Seconds(30)));
    market.pass(5).await;
    let last = market.settle(&lease, &market.voucher(&lease, 2, 60, Some(ExitClass::Completed))).await.unwrap();

    assert_eq!(market.client.find::<LeaseAccount>(lease.address).await.unwrap(), None);
    let done: JobAccount = market.client.fetch(job.address).await.unwrap();
    assert_eq!(done.job.state, JobState::Done);
    let closed = market.close_job(job.address).await;
    assert!(matches!(
        market.client.fetch::<JobAccount>(job.address).await,
        Err(Error::AccountMissing { kind: JobAccount::KIND, .. })
    ));
    assert_eq!(market.buyers_money().await, MicroUsdc(PURSE.0 - 60_000));
    let provider: ProviderAccount = market.client.fetch(lease.provider).await.unwrap();
    assert_eq!(
        (provider.provider.earnings.owner, provider.provider.earnings.fees),
        (MicroUsdc(57_000), MicroUsdc(3_000))
    );
    assert_eq!(provider.provider.stake.locked, MicroUsdc::ZERO);

    let all = UnixSeconds(0)..UnixSeconds::MAX;
    let earned = market.client.node_history(market.node, all).await.unwrap().earnings();
    assert_eq!(
        (earned.total.seconds, earned.total.gross, earned.total.fee),
        (Seconds(60), MicroUsdc(60_000), MicroUsdc(3_000))
    );
    assert_eq!((earned.leases.len(), earned.leases[0].lease), (1, lease.address));
    assert_eq!(earned.leases[0].outcome, Some(LeaseOutcome::Completed));
    // From the second settlement on: what the first one paid is neither forgotten nor counted again.
    let from = earned.leases[0].at;
    let late = market.client.node_history(market.node, from..UnixSeconds::MAX).await.unwrap().earnings();
    assert_eq!((late.total.seconds, late.total.net()), (Seconds(30), MicroUsdc(28_500)));

    let history = market.client.job_history(job.address).await.unwrap();
    assert_eq!(history.entries.len(), 5);
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:?}");
    assert_eq!((statement.paid(), statement.fees()), (MicroUsdc(57_000), MicroUsdc(3_000)));
    assert_eq!(statement.deposit.unwrap().amount, DEPOSIT);
    assert_eq!(statement.nodes[0].paid[1].signature, last.signature);
    let refund = statement.refund.unwrap();
    assert_eq!((refund.amount, refund.signature), (MicroUsdc(1_440_000), closed.signature));
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_never_starts_pays_the_buyer() {
    let market = Market::found().await;
    let job = market.open_job(1).await;
    let lease = market.open_lease(job.address).await;
    let early = market.sender(&market.buyer).send(&instructions::expire_lease(&job, &lease), &[]).await.unwrap_err();
    assert!(matches!(
        early,
        Error::Refused {
            instruction: "expire_lease",
            source: Refusal::Rule(millrace_protocol::Error::DeadlineNotPassed),
            ..
        }
    ));
    market.pass(301).await;
    market.sender(&market.buyer).send(&instructions::expire_lease(&job, &lease), &[]).await.unwrap();
    let penalty = MicroUsdc(lease.lease.bond.0 / 10);
    let open: JobAccount = market.client.fetch(job.address).await.unwrap();
    assert_eq!((open.job.state, open.job.compensation), (JobState::Open, penalty));

    let cancel = instructions::cancel_job(job.buyer, job.address);
    market.sender(&market.buyer).send(&cancel, &[]).await.unwrap();
    market.close_job(job.address).await;
    assert_eq!(market.buyers_money().await, MicroUsdc(PURSE.0 + penalty.0));
    let history = market.client.job_history(job.address).await.unwrap();
    assert!(history.entries.iter().any(|entry| matches!(entry.event, JobEvent::Cancelled { .. })));
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:?}");
    assert_eq!(statement.compensation(), penalty);

    // The id is free again; the history is then that of the new job.
    let second = market.open_job(1).await;
    assert_ne!(second.opened_slot, job.opened_slot);
    let history = market.client.job_history(job.address).await.unwrap();
    assert_eq!(history.entries.len(), 1);
    assert!(history.statement().balanced());
    assert_eq!(second.job.terms.lease_seconds, LEASE);
    market.localnet.shutdown().await.unwrap();
}
