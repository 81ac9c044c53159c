//! The audits that the TypeScript SDK is held to, in `tests/vectors/auctions.json`: answers of an orchestrator, what the
//! chain says, and what is to be found. `MILLRACE_WRITE_VECTORS=1` writes them anew.

use std::path::PathBuf;

use millrace_protocol::{BasisPoints, MicroUsdc, Reputation, UnixSeconds};
use millrace_scheduler::PassedOver;
use millrace_spec::BidSignature;
use serde_json::{Value, json};

use super::tests::{JOB, PROGRAM, UNTIL, auction, chain, key, lease, numbered, public, rooted, signed};
use super::*;

const PATH: &str = "../../tests/vectors/auctions.json";

struct Cases(Vec<Value>);

impl Cases {
    /// What the audit finds is what the vector says; `expected` is its code, or `right` where nothing is wrong.
    fn add(&mut self, name: &str, expected: &str, auctions: &[Auction], chain: &Chain, own: &[SignedBid]) {
        let result = check(chain, auctions, own);
        let code = result.as_ref().map_or_else(Diagnostic::code, |_| "right");
        assert_eq!(code, expected, "{name}: {result:?}");
        self.0.push(json!({
            "name": name,
            // As it comes over HTTP: integers of 64 bits that JavaScript's own reader would round.
            "answer": serde_json::to_string(auctions).unwrap(),
            "chain": told(chain),
            "own": serde_json::to_string(own).unwrap(),
            "code": expected,
            "notes": result.map_or(Value::Null, |notes| serde_json::to_value(notes).unwrap()),
        }));
    }

    fn forged(&mut self, name: &str, expected: &str, change: impl Fn(&mut Auction)) {
        let forged = rooted(change);
        let opened = [lease(&forged)];
        self.add(name, expected, &[forged], &chain(&opened), &[]);
    }
}

fn told(chain: &Chain) -> Value {
    let opened = chain.opened.iter().map(|opened| {
        json!({
            "lease": opened.lease,
            "number": opened.number,
            "node": opened.node,
            "price": opened.price.0.to_string(),
            "units": opened.units,
            "bidBookRoot": Sha256(opened.bid_book_root),
            "at": opened.at.0.to_string(),
        })
    });
    let bidders = chain.bidders.iter().map(|(node, bidder)| {
        let reputation = bidder.reputation.map(|known| {
            json!({
                "good": known.good.0.to_string(),
                "bad": known.bad.0.to_string(),
                "updatedAt": known.updated_at.0.to_string(),
            })
        });
        json!({ "node": node, "key": bidder.key, "units": bidder.units, "reputation": reputation })
    });
    let terms = chain.terms.map(|terms| {
        json!({ "openedSlot": terms.opened_slot.to_string(), "maximumPrice": terms.maximum_price.0.to_string() })
    });
    json!({
        "program": chain.program,
        "job": chain.job,
        "terms": terms,
        "opened": opened.collect::<Value>(),
        "bidders": bidders.collect::<Value>(),
    })
}

/// Each step there is, numbers beyond what JavaScript's can hold, and scores that only exact arithmetic tells apart.
fn eventful() -> Auction {
    let huge = 9_007_199_254_740_993;
    let mut auction = rooted(|auction| {
        auction.book.maximum_price = PricePerGpuHour(u64::MAX);
        auction.book.weights.fast_link = 3;
        for (bid, node) in auction.book.bids.iter_mut().zip(1u8..) {
            let made = signed(node, huge + u64::from(node % 2));
            (bid.price, bid.signature) = (made.bid.price, made.signature);
            bid.facts.link = (node == 2).then_some(2);
            bid.facts.image_present = node == 3;
        }
    });
    let ranked = auction.book.ranked();
    let nodes: Vec<Address> = ranked.iter().map(|one| one.node).collect();
    auction.steps = vec![
        Step::Awarded { lease: 0, node: nodes[0] },
        Step::Lapsed { lease: 0, node: nodes[0] },
        Step::Awarded { lease: 0, node: nodes[0] },
        Step::Failed { lease: 0, node: nodes[0], code: "bond-locked".to_owned(), cause: "no \"stake\"".to_owned() },
        Step::PassedOver { node: nodes[1], reason: PassedOver::Unaffordable },
        Step::Awarded { lease: 0, node: nodes[2] },
    ];
    auction
}

fn right(cases: &mut Cases) {
    let held = auction();
    let opened = [lease(&held)];
    cases.add("as it was held", "right", std::slice::from_ref(&held), &chain(&opened), &[signed(3, 800_000)]);
    let posted = Opened { bid_book_root: [0; 32], ..numbered(&held, 1) };
    cases.add("beside a direct award", "right", &[auction()], &chain(&[lease(&held), posted]), &[]);
    cases.add("no auction yet", "right", &[], &chain(&[]), &[]);
    let mut eventful_chain = chain(&[]);
    eventful_chain.terms = None;
    cases.add("each step there is", "right", &[eventful()], &eventful_chain, &[]);
    let mut other_key = chain(&opened);
    other_key.bidders.get_mut(&Address([1; 32])).unwrap().key = public(7);
    other_key.bidders.remove(&Address([3; 32]));
    cases.add("keys that are not the nodes' any more", "right", std::slice::from_ref(&held), &other_key, &[]);
    let mut moved = chain(&opened);
    moved.bidders.get_mut(&Address([1; 32])).unwrap().reputation =
        Some(Reputation { good: MicroUsdc(5), bad: MicroUsdc(1_234_567), updated_at: UnixSeconds(UNTIL.0 + 999_999) });
    cases.add("a lease was settled since", "right", std::slice::from_ref(&held), &moved, &[]);
    let mut other = signed(3, 650_000).bid;
    other.auction = 1;
    let signature = BidSignature(ed25519_dalek::Signer::sign(&key(3), &other.message()).to_bytes());
    cases.add("a bid without a book", "right", &[auction()], &chain(&opened), &[SignedBid { bid: other, signature }]);
    cases.forged("idle GPUs that the rig does not have", "right", |forged| forged.book.bids[2].facts.idle_gpus = 2);
    cases.forged("passed over, with a reason", "auction-lease-differs", |forged| {
        forged.steps.insert(0, Step::PassedOver { node: Address([2; 32]), reason: PassedOver::NotLeasable });
        forged.steps[1] = Step::Awarded { lease: 0, node: Address([3; 32]) };
    });
}

fn altered(cases: &mut Cases) {
    let held = auction();
    let mut unrooted = auction();
    unrooted.book.bids[2].price.0 += 1;
    cases.add("a price altered under the old root", "auction-root-differs", &[unrooted], &chain(&[lease(&held)]), &[]);
    cases.forged("a price altered", "auction-bid-forged", |forged| forged.book.bids[2].price.0 += 1);
    cases.forged("a signature altered", "auction-bid-forged", |forged| forged.book.bids[0].signature.0[40] ^= 1);
    cases.forged("a key of small order", "auction-bid-forged", |forged| {
        // Under the neutral point as a key, this signature passes for any message where nobody looks at the key.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        forged.book.bids[0].key = Address(neutral);
        forged.book.bids[0].signature.0 = [0; 64];
        forged.book.bids[0].signature.0[0] = 1;
    });
    cases.forged("bids out of order", "auction-book-malformed", |forged| forged.book.bids.swap(0, 1));
    cases.forged("a node with two bids", "auction-book-malformed", |forged| forged.book.bids[1] = forged.book.bids[0]);
    cases.forged("a bid of nothing", "auction-book-malformed", |forged| forged.book.bids[1].price.0 = 0);
    cases.forged("a bid above the maximum", "auction-book-malformed", |forged| forged.book.bids[1].price.0 = 1_000_001);
    cases.forged("another job's", "auction-foreign", |forged| forged.book.job = PROGRAM);
    cases.forged("another program's", "auction-foreign", |forged| forged.book.program = JOB);
    cases.forged("another maximum", "auction-job-differs", |forged| forged.book.maximum_price.0 += 1);
    cases.forged("an earlier job's of the same id", "auction-job-differs", |forged| forged.book.opened_slot = 3);
    for (name, change) in [
        ("a link slowed", (|forged| forged.book.bids[0].facts.link = Some(1)) as fn(&mut Auction)),
        ("an image taken away", |forged| forged.book.bids[0].facts.image_present = true),
        ("a scarcity made up", |forged| forged.book.bids[0].facts.scarcity = 1),
        ("a failure made up", |forged| forged.book.bids[0].facts.failed_before = true),
        ("a weight changed", |forged| forged.book.weights.image.0 = 0),
        ("a moment changed", |forged| forged.book.closed_at.0 -= 1),
        ("a bid left out later", |forged| forged.book.bids.truncate(2)),
    ] {
        cases.add(name, "auction-not-shown", &[rooted(change)], &chain(&[lease(&held)]), &[]);
    }
}

fn contradicted(cases: &mut Cases) {
    let held = auction();
    let of = std::slice::from_ref(&held);
    let reputation =
        |recorded| move |forged: &mut Auction| forged.book.bids[0].facts.reputation = BasisPoints(recorded);
    cases.forged("a reputation taken away", "auction-reputation-differs", reputation(0));
    cases.forged("a reputation a little less", "auction-reputation-differs", reputation(9_999));
    let with = |known: Reputation| {
        let mut chain = chain(&[lease(&held)]);
        chain.bidders.get_mut(&Address([1; 32])).unwrap().reputation = Some(known);
        chain
    };
    let failed =
        Reputation { bad: MicroUsdc(1_000_000), updated_at: UnixSeconds(UNTIL.0 - 9_000), ..Default::default() };
    cases.add("a failure not counted", "auction-reputation-differs", of, &with(failed), &[]);
    let faded = |updated_at, recorded| {
        let known =
            Reputation { good: MicroUsdc(777_777), bad: MicroUsdc(4_000_000), updated_at: UnixSeconds(updated_at) };
        let forged = rooted(reputation(recorded));
        let mut chain = with(known);
        chain.opened = vec![lease(&forged)];
        (known, forged, chain)
    };
    for days in [1, 30, 31, 400] {
        let updated_at = UNTIL.0 - days * 86_400 - 1_807;
        let (known, ..) = faded(updated_at, 0);
        let score = known.score(UnixSeconds(UNTIL.0 - 120)).0;
        let (_, right, chain) = faded(updated_at, score);
        cases.add(&format!("a reputation that has faded for {days} days"), "right", &[right], &chain, &[]);
        let (_, wrong, chain) = faded(updated_at, score + 1);
        cases.add(&format!("one point more, {days} days"), "auction-reputation-differs", &[wrong], &chain, &[]);
    }
    let (_, slandered, chain_since) = faded(UNTIL.0 + 86_400, 1_000);
    cases.add("below what it can have been", "auction-reputation-differs", &[slandered], &chain_since, &[]);
    for (name, at) in [("before its bids were in", UNTIL.0 - 421), ("when its bids were over", UNTIL.0 + 301)] {
        let opened = Opened { at: UnixSeconds(at), ..lease(&held) };
        cases.add(&format!("a lease opened {name}"), "auction-out-of-time", of, &chain(&[opened]), &[]);
    }
    let mut closed = chain(&[lease(&held)]);
    closed.terms = None;
    cases.add("a job that is closed", "right", of, &closed, &[]);
    closed.opened[0].lease = addresses::lease(JOB, 5, 0);
    cases.add("a lease of a later job of the same id", "auction-job-differs", of, &closed, &[]);
}

fn decided(cases: &mut Cases) {
    let held = auction();
    let of = std::slice::from_ref(&held);
    let node = |node| Address([node; 32]);
    let steps = |steps: Vec<Step>| move |forged: &mut Auction| forged.steps = steps.clone();
    let third = vec![Step::Awarded { lease: 0, node: node(3) }];
    cases.forged("a lease out of turn", "auction-out-of-turn", steps(third));
    let passed = vec![Step::PassedOver { node: node(1), reason: PassedOver::NotLeasable }];
    cases.forged("passed over out of turn", "auction-out-of-turn", steps(passed));
    cases.forged(
        "taken from who did not have it",
        "auction-out-of-turn",
        steps(vec![Step::Lapsed { lease: 0, node: node(2) }]),
    );
    let none_left = (1..=4).map(|at| Step::Awarded { lease: at, node: node([2, 3, 1, 1][at as usize - 1]) });
    cases.forged("more leases than bids", "auction-out-of-turn", steps(none_left.collect()));
    for (name, opened) in [
        ("to another node", Opened { node: node(3), ..lease(&held) }),
        ("at another price", Opened { price: PricePerGpuHour(700_001), ..lease(&held) }),
        ("of another number", numbered(&held, 1)),
    ] {
        cases.add(&format!("a lease {name}"), "auction-lease-differs", of, &chain(&[opened]), &[]);
    }
    let without = rooted(|forged| forged.book.bids.truncate(2));
    let (opened, own) = (chain(&[lease(&without)]), signed(3, 800_000));
    cases.add("a bid never let in", "bid-left-out", &[without], &opened, &[own]);
    cases.add("another bid of the same node", "bid-left-out", of, &chain(&[lease(&held)]), &[signed(3, 650_000)]);
    let mut forged = signed(3, 650_000);
    forged.signature.0[0] ^= 1;
    cases.add("an own bid that is none", "bid-not-yours", of, &chain(&[lease(&held)]), &[forged]);
    cases.add("an own bid of a node that is not there", "bid-not-yours", of, &chain(&[]), &[signed(5, 650_000)]);
}

#[test]
fn both_sdks_find_the_same() {
    let mut cases = Cases(Vec::new());
    right(&mut cases);
    altered(&mut cases);
    contradicted(&mut cases);
    decided(&mut cases);
    let (path, text) = (PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(PATH), format!("{:#}\n", Value::from(cases.0)));
    if std::env::var_os("MILLRACE_WRITE_VECTORS").is_some() {
        std::fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), text, "stale: run this test with MILLRACE_WRITE_VECTORS=1");
}
