use ed25519_dalek::{Signer, SigningKey};
use millrace_protocol::{BasisPoints, MicroUsdc, Reputation, UnixSeconds};
use millrace_scheduler::{Book, Entered, Facts, PassedOver, Weights};
use millrace_spec::{Bid, BidSignature};

use super::*;

pub(super) const PROGRAM: Address = Address([9; 32]);
pub(super) const JOB: Address = Address([8; 32]);
pub(super) const UNTIL: UnixSeconds = UnixSeconds(1_900_000_000);

pub(super) fn key(node: u8) -> SigningKey {
    SigningKey::from_bytes(&[node; 32])
}

pub(super) fn public(node: u8) -> Address {
    Address(key(node).verifying_key().to_bytes())
}

pub(super) fn signed(node: u8, price: u64) -> SignedBid {
    let bid = Bid {
        program: PROGRAM,
        job: JOB,
        opened_slot: 4,
        auction: 0,
        node: Address([node; 32]),
        price: PricePerGpuHour(price),
        valid_until: UNTIL,
    };
    SignedBid { bid, signature: BidSignature(key(node).sign(&bid.message()).to_bytes()) }
}

fn entered(node: u8, price: u64) -> Entered {
    let facts = Facts { reputation: BasisPoints::WHOLE, ..Facts::default() };
    let SignedBid { bid, signature } = signed(node, price);
    Entered { node: bid.node, key: public(node), price: bid.price, signature, facts }
}

/// Nodes 1 to 3 bid; 2 is cheapest and has lease 0.
pub(super) fn auction() -> Auction {
    let book = Book {
        program: PROGRAM,
        job: JOB,
        opened_slot: 4,
        auction: 0,
        closed_at: UnixSeconds(UNTIL.0 - 120),
        valid_until: UNTIL,
        maximum_price: PricePerGpuHour(1_000_000),
        weights: Weights::default(),
        bids: vec![entered(1, 900_000), entered(2, 700_000), entered(3, 800_000)],
    };
    let steps = vec![Step::Awarded { lease: 0, node: Address([2; 32]) }];
    Auction { root: book.root(), book, steps }
}

pub(super) fn lease(auction: &Auction) -> Opened {
    numbered(auction, 0)
}

/// The lease of this number, as if that were the one that node 2 has won.
pub(super) fn numbered(auction: &Auction, number: u32) -> Opened {
    let (node, price) = (Address([2; 32]), PricePerGpuHour(700_000));
    let (lease, at) = (addresses::lease(JOB, 4, number), UnixSeconds(UNTIL.0 - 60));
    Opened { lease, number, node, price, units: 1, bid_book_root: auction.root.0, at }
}

/// The chain after an auction with three bidders, none of which ever had a lease settled.
pub(super) fn chain(opened: &[Opened]) -> Chain {
    let bidder =
        |node| (Address([node; 32]), Bidder { key: public(node), units: 4, reputation: Some(Reputation::default()) });
    Chain {
        program: PROGRAM,
        job: JOB,
        terms: Some(Terms { opened_slot: 4, maximum_price: PricePerGpuHour(1_000_000) }),
        opened: opened.to_vec(),
        bidders: (1..=3).map(bidder).collect(),
    }
}

fn audit(auction: &Auction, opened: &[Opened], own: &[SignedBid]) -> Result<Vec<Note>, Error> {
    check(&chain(opened), std::slice::from_ref(auction), own)
}

/// The forged book with a root of its own, which the chain does not have.
pub(super) fn rooted(change: impl Fn(&mut Auction)) -> Auction {
    let mut forged = auction();
    change(&mut forged);
    forged.root = forged.book.root();
    forged
}

#[test]
fn an_auction_as_it_was_held_is_found_right() {
    let auction = auction();
    assert_eq!(audit(&auction, &[lease(&auction)], &[]), Ok(vec![]));
    let posted = Opened { bid_book_root: [0; 32], ..numbered(&auction, 1) };
    assert_eq!(audit(&auction, &[lease(&auction), posted], &[]), Ok(vec![]), "of a direct award there is no book");
    let in_book = vec![Note::InBook { auction: 0 }];
    assert_eq!(audit(&auction, &[lease(&auction)], &[signed(3, 800_000)]), Ok(in_book));
}

#[test]
fn an_altered_bid_is_found_whatever_root_is_told() {
    let mut altered = auction();
    altered.book.bids[2].price.0 += 1;
    let error = audit(&altered, &[lease(&auction())], &[]).unwrap_err();
    assert_eq!(error.code(), "auction-root-differs");
    let altered = rooted(|forged| forged.book.bids[2].price.0 += 1);
    let error = audit(&altered, &[lease(&auction())], &[]).unwrap_err();
    assert_eq!(error, Error::BidForged { auction: 0, node: Address([3; 32]) });
}

#[test]
fn facts_and_weights_are_under_the_root_that_the_chain_has() {
    let original = auction();
    let root = original.root;
    let slowed = rooted(|forged| forged.book.bids[0].facts.link = Some(1));
    let weighed = rooted(|forged| forged.book.weights.image.0 = 0);
    for forged in [slowed, weighed] {
        assert_eq!(audit(&forged, &[lease(&original)], &[]), Err(Error::NotShown { lease: 0, root }));
    }
}

#[test]
fn a_bid_that_was_left_out_is_found_by_the_chain_and_by_who_made_it() {
    let original = auction();
    let without = rooted(|forged| forged.book.bids.truncate(2));
    let not_shown = Error::NotShown { lease: 0, root: original.root };
    assert_eq!(audit(&without, &[lease(&original)], &[]), Err(not_shown));
    // The scheduler never had it in: only its maker can tell.
    let opened = [lease(&without)];
    assert_eq!(audit(&without, &opened, &[]), Ok(vec![]));
    let left_out = Error::LeftOut { auction: 0, price: PricePerGpuHour(800_000) };
    assert_eq!(audit(&without, &opened, &[signed(3, 800_000)]), Err(left_out));
    // Nor does another bid of the same node do.
    let left_out = Error::LeftOut { auction: 0, price: PricePerGpuHour(650_000) };
    assert_eq!(audit(&original, &[lease(&original)], &[signed(3, 650_000)]), Err(left_out));
}

#[test]
fn who_has_not_signed_its_own_bid_proves_nothing() {
    let original = auction();
    let mut forged = signed(3, 650_000);
    forged.signature.0[0] ^= 1;
    let error = audit(&original, &[lease(&original)], &[forged]).unwrap_err();
    assert_eq!((error, error.code()), (Error::OwnForged { auction: 0, node: Address([3; 32]) }, "bid-not-yours"));
    let unknown = signed(5, 650_000);
    assert_eq!(audit(&original, &[], &[unknown]).unwrap_err().code(), "bid-not-yours");
}

#[test]
fn an_auction_in_which_nothing_was_decided_has_no_book() {
    let mut other = signed(3, 650_000).bid;
    other.auction = 1;
    let signature = BidSignature(key(3).sign(&other.message()).to_bytes());
    let own = SignedBid { bid: other, signature };
    assert_eq!(audit(&auction(), &[], &[own]), Ok(vec![Note::NoBook { auction: 1 }]));
}

#[test]
fn a_winner_that_does_not_follow_from_the_bids_is_found() {
    let mut forged = auction();
    forged.steps = vec![Step::Awarded { lease: 0, node: Address([3; 32]) }];
    let opened = Opened { node: Address([3; 32]), price: PricePerGpuHour(800_000), ..lease(&forged) };
    let error = audit(&forged, &[opened], &[]).unwrap_err();
    assert_eq!(error.code(), "auction-out-of-turn");
    let passed = Step::PassedOver { node: Address([2; 32]), reason: PassedOver::NotLeasable };
    forged.steps.insert(0, passed);
    assert_eq!(audit(&forged, &[opened], &[]), Ok(vec![]), "a reason is told, and stands for all to see");
}

#[test]
fn a_lease_that_is_not_what_was_awarded_is_found() {
    let auction = auction();
    for opened in [
        Opened { node: Address([3; 32]), ..lease(&auction) },
        Opened { price: PricePerGpuHour(700_001), ..lease(&auction) },
        numbered(&auction, 1),
    ] {
        let Opened { number: lease, node, price, .. } = opened;
        assert_eq!(audit(&auction, &[opened], &[]), Err(Error::LeaseDiffers { auction: 0, lease, node, price }));
    }
}

#[test]
fn another_jobs_auction_is_none() {
    for forged in [rooted(|auction| auction.book.job = PROGRAM), rooted(|auction| auction.book.program = JOB)] {
        assert_eq!(audit(&forged, &[], &[]), Err(Error::Foreign { auction: 0 }));
    }
}

#[test]
fn a_book_that_is_none_is_found() {
    let forged = rooted(|auction| auction.book.bids.swap(0, 1));
    assert_eq!(audit(&forged, &[], &[]).unwrap_err().code(), "auction-book-malformed");
}

#[test]
fn a_key_that_is_not_the_nodes_any_more_is_named() {
    let auction = auction();
    let mut chain = chain(&[]);
    chain.bidders.get_mut(&Address([1; 32])).unwrap().key = public(7);
    let other = vec![Note::OtherKey { auction: 0, node: Address([1; 32]) }];
    assert_eq!(check(&chain, std::slice::from_ref(&auction), &[]), Ok(other.clone()));
    chain.bidders.remove(&Address([1; 32]));
    assert_eq!(check(&chain, &[auction], &[]), Ok(other), "or not there any more");
}

#[test]
fn what_the_book_says_of_the_job_is_what_the_chain_says() {
    let differs = |what| Err(Error::JobDiffers { auction: 0, what });
    let dearer = rooted(|auction| auction.book.maximum_price.0 += 1);
    assert_eq!(audit(&dearer, &[], &[]), differs("maximum price"));
    let mut closed = chain(&[lease(&auction())]);
    closed.terms = None;
    assert_eq!(check(&closed, &[auction()], &[]), Ok(vec![]), "of a closed job only its leases are left");
    closed.opened[0].lease = addresses::lease(JOB, 5, 0);
    assert_eq!(check(&closed, &[auction()], &[]), differs("opening slot"));
    let mut earlier = chain(&[]);
    earlier.terms.as_mut().unwrap().opened_slot = 3;
    assert_eq!(check(&earlier, &[auction()], &[]), differs("opening slot"));
}

#[test]
fn a_lease_is_opened_while_its_bids_are_good() {
    let auction = auction();
    let (first, last) = (auction.book.closed_at.0 - TOLERANCE, UNTIL.0 + TOLERANCE);
    for at in [first, last].map(UnixSeconds) {
        assert_eq!(audit(&auction, &[Opened { at, ..lease(&auction) }], &[]), Ok(vec![]), "{at:?}");
    }
    for at in [first - 1, last + 1].map(UnixSeconds) {
        let found = audit(&auction, &[Opened { at, ..lease(&auction) }], &[]);
        assert_eq!(found, Err(Error::LeaseOutOfTime { auction: 0, lease: 0, at }));
    }
}

#[test]
fn a_reputation_that_the_chain_contradicts_is_found() {
    let node = Address([1; 32]);
    for recorded in [BasisPoints(0), BasisPoints(9_999)] {
        let slandered = rooted(|forged| forged.book.bids[0].facts.reputation = recorded);
        let found = audit(&slandered, &[], &[]).unwrap_err();
        let (least, most) = (BasisPoints::WHOLE, BasisPoints::WHOLE);
        assert_eq!(found, Error::ReputationDiffers { auction: 0, node, recorded, least, most });
    }
    // Neither is one praised that had failed before.
    let mut chain = chain(&[]);
    let failed =
        Reputation { bad: MicroUsdc(1_000_000), updated_at: UnixSeconds(UNTIL.0 - 9_000), ..Reputation::default() };
    chain.bidders.get_mut(&node).unwrap().reputation = Some(failed);
    let found = check(&chain, &[auction()], &[]).unwrap_err();
    assert_eq!(found.code(), "auction-reputation-differs");
    // What fails after the auction says little of before it, and the provider may be gone altogether.
    let since = Reputation { updated_at: UnixSeconds(UNTIL.0 + 9_000), ..failed };
    chain.bidders.get_mut(&node).unwrap().reputation = Some(since);
    let [Note::ReputationMoved { recorded, least, .. }] = check(&chain, &[auction()], &[]).unwrap()[..] else {
        panic!()
    };
    assert_eq!(recorded, BasisPoints::WHOLE);
    let slandered = rooted(|forged| forged.book.bids[0].facts.reputation = BasisPoints(least.0 - 1));
    assert_eq!(check(&chain, &[slandered], &[]).unwrap_err().code(), "auction-reputation-differs");
    chain.bidders.get_mut(&node).unwrap().reputation = None;
    assert_eq!(check(&chain, &[auction()], &[]), Ok(vec![]));
}

#[test]
fn idle_gpus_that_the_rig_does_not_have_are_named() {
    let idle = |idle_gpus| rooted(|auction| auction.book.bids[2].facts.idle_gpus = idle_gpus);
    for fitting in [0, 3] {
        let auction = idle(fitting);
        assert_eq!(audit(&auction, &[lease(&auction)], &[]), Ok(vec![]));
    }
    let auction = idle(2);
    let note = Note::OtherSize { auction: 0, node: Address([3; 32]), idle_gpus: 2, units: 4 };
    assert_eq!(audit(&auction, &[lease(&auction)], &[]), Ok(vec![note]));
    assert_eq!(audit(&auction, &[], &[]), Ok(vec![]), "without a lease nobody says of how many GPUs they are");
}
