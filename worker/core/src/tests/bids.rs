use millrace_protocol::{Address, BasisPoints, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::{Bid, BidSignature, SignedBid};

use super::policy::{offer, policy};
use super::rig::*;
use crate::policy::{Offer, Refusal, Rig as Policy, bid, check};
use crate::{Agent, Event};

const UNTIL: UnixSeconds = UnixSeconds(START.0 + 120);
const PRICE: PricePerGpuHour = PricePerGpuHour(3_000_000);

fn own(auction: u32, price: PricePerGpuHour) -> SignedBid {
    let (program, node) = (Address([1; 32]), Address([2; 32]));
    let bid = Bid { program, job: JOB, opened_slot: 5, auction, node, price, valid_until: UNTIL };
    SignedBid { bid, signature: BidSignature([3; 64]) }
}

fn having_bid() -> Rig {
    let mut rig = Rig::new();
    rig.event(Event::BidSigned(own(0, PRICE)));
    rig
}

fn at(price: PricePerGpuHour) -> Offer {
    Offer { auctioned: true, price, ..offer() }
}

fn maximum() -> PricePerGpuHour {
    PricePerGpuHour(3_600_000)
}

#[test]
fn it_bids_its_share_of_the_posted_price() {
    for (share, price) in [(10_000, 3_600_000), (8_000, 2_880_000), (1, 360)] {
        let rig = Policy { bid_share: Some(BasisPoints(share)), ..policy() };
        let bids = bid(&rig, &Agent::default(), &offer(), (maximum(), UNTIL), 1_100, START);
        assert_eq!(bids, Ok(PricePerGpuHour(price)));
    }
    let nearly_free = Policy { price: PricePerGpuHour(1), bid_share: Some(BasisPoints(1)), ..policy() };
    let long = Offer { maximum: Seconds(3_600), ..offer() };
    let bids = bid(&nearly_free, &Agent::default(), &long, (maximum(), UNTIL), 1_100, START);
    assert_eq!(bids, Ok(PricePerGpuHour(1)), "never nothing");
}

#[test]
fn what_it_would_not_take_it_does_not_bid_for() {
    let agent = Agent::default();
    let dear = Policy { bid_share: Some(BasisPoints(10_001)), ..policy() };
    let (past, far) = (START, UnixSeconds(START.0 + 901));
    let over = Refusal::BidOverMaximum { bid: PricePerGpuHour(3_600_360), maximum: maximum() };
    for (rig, wanted, until, refusal) in [
        (Policy { bid_share: None, ..policy() }, offer(), UNTIL, Refusal::NoBids),
        (Policy { draining: true, ..policy() }, offer(), UNTIL, Refusal::Draining),
        (Policy { unfit: true, ..policy() }, offer(), UNTIL, Refusal::Unfit),
        (dear, offer(), UNTIL, over),
        (policy(), offer(), past, Refusal::BidOutOfTime { until: past }),
        (policy(), offer(), far, Refusal::BidOutOfTime { until: far }),
        (policy(), Offer { network: true, ..offer() }, UNTIL, Refusal::NetworkForbidden),
        (policy(), Offer { disk_mib: 1_001, ..offer() }, UNTIL, Refusal::DiskFull { asked: 1_001, free: 1_000 }),
    ] {
        assert_eq!(bid(&rig, &agent, &wanted, (maximum(), until), 1_100, START), Err(refusal));
    }
    let last = UnixSeconds(START.0 + 900);
    assert!(bid(&policy(), &agent, &offer(), (maximum(), last), 1_100, START).is_ok());
}

#[test]
fn an_offer_at_a_bid_is_taken_while_the_bid_is_good_and_for_one_lease() {
    let mut rig = having_bid();
    let other = Address([8; 32]);
    let check =
        |rig: &Rig, offer: &Offer, now| check(&policy(), &rig.agent, offer, 2_100, now).map(|terms| terms.price);
    assert_eq!(check(&rig, &at(PRICE), START), Ok(PRICE), "under the posted price");
    assert_eq!(check(&rig, &at(PRICE), UNTIL), Ok(PRICE));
    let expired = Err(Refusal::BidExpired { offered: PRICE });
    assert_eq!(check(&rig, &at(PRICE), UnixSeconds(UNTIL.0 + 1)), expired);
    let unknown = |offered| Err(Refusal::BidUnknown { offered });
    let less = PricePerGpuHour(PRICE.0 - 1);
    assert_eq!(check(&rig, &at(less), START), unknown(less));
    let posted = offer().price;
    assert_eq!(check(&rig, &at(posted), START), unknown(posted), "not even at a better price");
    assert_eq!(check(&rig, &Offer { job: other, ..at(PRICE) }, START), unknown(PRICE));
    let plain = Offer { auctioned: false, ..at(PRICE) };
    let too_low = Refusal::PriceTooLow { offered: PRICE, asked: posted };
    assert_eq!(check(&rig, &plain, START), Err(too_low), "a bid is no price for anything else");

    let accepted = crate::LeaseTerms { price: PRICE, ..terms() };
    rig.event(Event::OfferAccepted { lease: LEASE, terms: accepted });
    assert_eq!(check(&rig, &at(PRICE), START), Ok(PRICE), "the same lease, whose transaction did not land");
    let second = Offer { lease: other, ..at(PRICE) };
    assert_eq!(check(&rig, &second, START), Err(Refusal::BidUsed { offered: PRICE }));
    rig.event(Event::BidSigned(own(1, PRICE)));
    assert_eq!(check(&rig, &second, START), Ok(PRICE), "bid again");
}

#[test]
fn bids_and_what_they_were_used_for_survive_a_restart_and_a_compaction() {
    let mut rig = having_bid();
    rig.event(Event::BidSigned(own(1, PricePerGpuHour(2_000_000))));
    let accepted = crate::LeaseTerms { price: PRICE, ..terms() };
    rig.event(Event::OfferAccepted { lease: LEASE, terms: accepted });
    let before: Vec<_> = rig.agent.bids().copied().collect();
    assert_eq!(before.iter().map(|own| own.lease).collect::<Vec<_>>(), [Some(LEASE), None]);
    rig.restart();
    assert_eq!(rig.agent.bids().copied().collect::<Vec<_>>(), before);
    let compacted = crate::recover(&rig.agent.snapshot(), &[], rig.now).agent;
    assert_eq!(compacted.bids().copied().collect::<Vec<_>>(), before);
    // Once its lease is closed nothing else of the journal says what the bid was used for.
    rig.tick(151);
    rig.event(Event::LeaseRead { lease: LEASE, account: None, clock: rig.now });
    assert!(rig.agent.lease(&LEASE).is_none());
    let compacted = crate::recover(&rig.agent.snapshot(), &[], rig.now).agent;
    assert_eq!(compacted.bids().copied().collect::<Vec<_>>(), before);
    let second = Offer { lease: Address([77; 32]), ..at(PRICE) };
    assert_eq!(check(&policy(), &compacted, &second, 2_100, START).unwrap_err(), Refusal::BidUsed { offered: PRICE });
}

#[test]
fn some_hundreds_are_remembered() {
    let mut rig = Rig::new();
    (0..300).for_each(|auction| rig.event(Event::BidSigned(own(auction, PRICE))));
    rig.event(Event::BidSigned(own(299, PRICE)));
    let numbers: Vec<_> = rig.agent.bids().map(|own| own.signed.bid.auction).collect();
    assert_eq!((numbers.len(), numbers[0], numbers[255]), (256, 44, 299));
}
