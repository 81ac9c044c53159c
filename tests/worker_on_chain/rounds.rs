//! Results that are counted: a node commits to its own, and shows it.

use millrace_client::accounts::LeaseAccount;
use millrace_client::keys::address_of;
use millrace_client::{Asset, Error as ClientError, instructions};
use millrace_protocol::quorum::{Member, MemberState, Verdict, commitment_preimage};
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{Diagnostic, Error, JobTerms, LeaseState, MicroUsdc, Payment, Verification};
use millrace_spec::{Sha256, sha256};
use millrace_worker::{Chain, Deed};

use crate::market::{KEPT, Market, PURSE, SIGNATURE, SOL, redeem, terms};

const RIGHT: Sha256 = Sha256([7; 32]);
const WRONG: Sha256 = Sha256([8; 32]);
/// Lamports without which a node does not commit: it could not be sure to show what it has committed to.
const NEEDED: u64 = KEPT + 6 * (5_000 + 280_000);

fn commit(salt: u8) -> Deed {
    Deed::Commit { root: RIGHT, salt: [salt; 32] }
}

fn reveal(root: Sha256, salt: u8) -> Deed {
    Deed::Reveal { root, salt: [salt; 32] }
}

/// What both of two nodes find, wins.
pub fn counted() -> JobTerms {
    JobTerms { verification: Verification::Quorum { needed: 2, size: 2 }, payment: Payment::OnResult, ..terms() }
}

async fn member(market: &Market, lease: &LeaseAccount) -> Member {
    let (round, _) = market.rig_of(lease).chain.round(lease.address).await.unwrap();
    *round.unwrap().joined().iter().find(|member| member.lease == lease.address).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_commit_and_show_and_are_paid_by_the_count() {
    let market = Market::found(&[SOL, SOL]).await;
    let [one, two] = market.lease_all(counted()).await.try_into().unwrap();
    market.pass(60).await;
    let opened = market.standing(&one).await;
    for lease in [&one, &two] {
        let last = market.voucher(lease, 1, 40, Some(ExitClass::Completed));
        market.act(lease, redeem(last)).await.unwrap();
        let found = market.standing(lease).await;
        assert_eq!(found.lease.unwrap().lease.state, LeaseState::Reported);
        assert_eq!(found.money, opened.money, "before the count nobody is paid");
    }

    assert_eq!(market.refuses(&one, reveal(RIGHT, 1)).await.rule(), Some(Error::NothingCommitted));
    let before = market.standing(&one).await;
    market.act(&one, commit(1)).await.unwrap();
    let after = market.standing(&one).await;
    let hash = sha256(&commitment_preimage(one.address, RIGHT.0, [1; 32])).0;
    let joined = member(&market, &one).await;
    assert_eq!((joined.state, joined.hash), (MemberState::Committed, hash));
    assert_eq!((after.lamports, &after.money), (before.lamports - SIGNATURE, &opened.money));
    assert_eq!(after.lamports_of_others, before.lamports_of_others);
    assert_eq!(market.refuses(&one, commit(2)).await.rule(), Some(Error::CommittedAlready));
    // The other one could copy it.
    assert_eq!(market.refuses(&one, reveal(RIGHT, 1)).await.rule(), Some(Error::DeadlineNotPassed));

    market.act(&two, commit(2)).await.unwrap();
    for other in [reveal(WRONG, 1), reveal(RIGHT, 2)] {
        assert_eq!(market.refuses(&one, other).await.rule(), Some(Error::CommitmentMismatch));
    }
    for (lease, salt) in [(&one, 1), (&two, 2)] {
        market.act(lease, reveal(RIGHT, salt)).await.unwrap();
        let shown = member(&market, lease).await;
        assert_eq!((shown.state, shown.hash), (MemberState::Revealed, RIGHT.0));
    }
    assert_eq!(market.refuses(&one, reveal(RIGHT, 1)).await.rule(), Some(Error::NothingCommitted));

    // Anyone counts and winds up, here the buyer.
    let shown = market.standing(&one).await;
    assert_eq!((&shown.money, shown.lamports), (&opened.money, SOL - 4 * SIGNATURE));
    let round = shown.round.unwrap();
    market.send(&market.buyer, &instructions::tally_quorum(round.address)).await;
    let (found, _) = market.rig_of(&one).chain.round(one.address).await.unwrap();
    assert_eq!(found.map(|round| (round.verdict, round.winner)), Some((Verdict::Decided, RIGHT.0)));
    for lease in [&one, &two] {
        market.send(&market.buyer, &instructions::settle_member(lease, round.address)).await;
        assert_eq!(market.rig_of(lease).chain.round(lease.address).await.unwrap().0, None);
    }
    market.send(&market.buyer, &instructions::close_quorum(&round)).await;
    let done = market.standing(&one).await;
    assert_eq!(done.money.earnings, [MicroUsdc(40_000); 2]);
    market.send(&market.buyer, &instructions::close_job(address_of(&market.buyer), &done.job)).await;
    let end = market.money(one.job).await;
    assert_eq!((end.buyer, end.vault), (MicroUsdc(PURSE.0 - 80_000), MicroUsdc::ZERO));
    assert_eq!(end.stakes, opened.money.stakes);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_commits_only_to_what_it_can_show_and_in_time() {
    let market = Market::found(&[NEEDED - KEPT, SOL]).await;
    let [poor, late] = market.lease_all(counted()).await.try_into().unwrap();
    let key = address_of(&market.rig_of(&poor).key);
    let error = market.refuses(&poor, commit(1)).await;
    let ClientError::InsufficientFunds { owner, asset: Asset::Sol, available, needed } = error else {
        panic!("{error:?}");
    };
    assert_eq!((owner, available, needed), (key, Some(NEEDED - KEPT), Some(NEEDED)));
    assert_eq!(error.code(), "insufficient-sol");
    market.localnet.faucet_sol(&key, KEPT).await.unwrap();
    market.act(&poor, commit(1)).await.unwrap();
    assert_eq!(member(&market, &poor).await.state, MemberState::Committed);

    let round = market.standing(&poor).await.round.unwrap().quorum;
    market.localnet.travel_to(round.commit_by).await.unwrap();
    assert_eq!(market.refuses(&late, commit(2)).await.rule(), Some(Error::DeadlinePassed));
    // Nobody can copy it any more, and what the key has left is enough.
    market.act(&poor, reveal(RIGHT, 1)).await.unwrap();
    assert_eq!(member(&market, &poor).await.state, MemberState::Revealed);
    assert_eq!(market.standing(&poor).await.lamports, NEEDED - 2 * SIGNATURE);
    market.localnet.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_result_leaves_its_round() {
    let market = Market::found(&[SOL, SOL]).await;
    let [faulty, other] = market.lease_all(counted()).await.try_into().unwrap();
    market.pass(60).await;
    let before = market.standing(&faulty).await;
    let last = market.voucher(&faulty, 1, 40, Some(ExitClass::NodeFault));
    market.act(&faulty, redeem(last)).await.unwrap();
    let after = market.standing(&faulty).await;
    assert_eq!((&after.lease, &after.money), (&None, &before.money));
    let states = after.round.unwrap().quorum.joined().iter().map(|member| member.state).collect::<Vec<_>>();
    assert_eq!(states, [MemberState::Gone, MemberState::Leased]);
    assert_eq!(market.rig_of(&faulty).chain.round(faulty.address).await.unwrap().0, None);
    assert_eq!(member(&market, &other).await.state, MemberState::Leased);
    market.localnet.shutdown().await.unwrap();
}
