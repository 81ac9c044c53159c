use ed25519_dalek::{Signer, SigningKey};
use millrace_protocol::{BasisPoints, UnixSeconds};
use millrace_scheduler::{Book, Entered, Facts, PassedOver, Weights};
use millrace_spec::{Bid, BidSignature};

use super::*;

const PROGRAM: Address = Address([9; 32]);
const JOB: Address = Address([8; 32]);
const UNTIL: UnixSeconds = UnixSeconds(1_900_000_000);

fn key(node: u8) -> SigningKey {
    SigningKey::from_bytes(&[node; 32])
}

fn public(node: u8) -> Address {
    Address(key(node).verifying_key().to_bytes())
}

fn signed(node: u8, price: u64) -> SignedBid {
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
fn auction() -> Auction {
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

fn lease(auction: &Auction) -> Opened {
    let (node, price) = (Address([2; 32]), PricePerGpuHour(700_000));
    Opened { number: 0, node, price, bid_book_root: auction.root.0 }
}

fn keys() -> BTreeMap<Address, Address> {
    (1..=3).map(|node| (Address([node; 32]), public(node))).collect()
}

fn audit(auction: &Auction, opened: &[Opened], own: &[SignedBid]) -> Result<Vec<Note>, Error> {
    check((PROGRAM, JOB), std::slice::from_ref(auction), opened, &keys(), own)
}

/// The forged book with a root of its own, which the chain does not have.
fn rooted(change: impl Fn(&mut Auction)) -> Auction {
    let mut forged = auction();
    change(&mut forged);
    forged.root = forged.book.root();
    forged
}

#[test]
fn an_auction_as_it_was_held_is_found_right() {
    let auction = auction();
    assert_eq!(audit(&auction, &[lease(&auction)], &[]), Ok(vec![]));
    let posted = Opened { number: 1, bid_book_root: [0; 32], ..lease(&auction) };
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
    let slandered = rooted(|forged| forged.book.bids[0].facts.reputation = BasisPoints(1));
    let weighed = rooted(|forged| forged.book.weights.image.0 = 0);
    for forged in [slandered, weighed] {
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
        Opened { number: 1, ..lease(&auction) },
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
    let mut keys = keys();
    keys.insert(Address([1; 32]), public(7));
    let noted = check((PROGRAM, JOB), &[auction], &[], &keys, &[]);
    assert_eq!(noted, Ok(vec![Note::OtherKey { auction: 0, node: Address([1; 32]) }]));
}
