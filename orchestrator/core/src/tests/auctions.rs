//! Jobs whose leases nodes bid for.

use millrace_protocol::{Address, JobTerms, MicroUsdc, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::SignedBid;

use super::world::*;
use crate::decide::{AUCTION_WINDOW, auction_rest};
use crate::market::Constraint;
use crate::*;

/// Seconds in which bids come in.
const WINDOW: u64 = AUCTION_WINDOW / 1_000;

fn auctioned(tasks: u32) -> Workload {
    Workload { placement: Placement { auction: true, ..Placement::default() }, ..workload(tasks) }
}

/// Nodes at 100, 200, … thousand that bid these.
fn bidding(bids: &[Option<u64>]) -> World {
    let mut world = World::with_nodes(u32::try_from(bids.len()).unwrap());
    for (number, price) in (1..).zip(bids) {
        world.bids.insert(address(b'N', number), price.map(PricePerGpuHour));
    }
    world
}

fn held(world: &World) -> Vec<Auction> {
    world.core.auctions_of(address(b'J', 1)).cloned().collect()
}

fn steps(world: &World) -> Vec<Step> {
    held(world).into_iter().flat_map(|auction| auction.steps).collect()
}

fn nodes(world: &World) -> Vec<u8> {
    let number = |node: Address| (1..=9).find(|number| address(b'N', u32::from(*number)) == node).unwrap();
    world.offers().iter().map(|offer| number(offer.node)).collect()
}

/// An auction is open for the job's lease, and nobody has bid yet.
fn invited(bids: &[Option<u64>]) -> (World, Address, Invitation) {
    let mut world = bidding(bids);
    world.mute_bidders = true;
    let job = world.add_job(1, terms(), auctioned(1));
    world.drain();
    let invitation = world.invitations[0].1;
    (world, job, invitation)
}

fn place(world: &mut World, bid: SignedBid) {
    world.feed(Event::BidMade { signed: bid, key: world.nodes[&bid.bid.node].key });
    world.drain();
}

#[test]
fn the_best_bid_wins_at_its_own_price_and_the_books_root_is_offered_with_it() {
    let mut world = bidding(&[Some(90_000), Some(70_000), Some(80_000)]);
    let job = world.add_job(1, terms(), auctioned(1));
    world.drain();
    assert_eq!(nodes(&world), [2], "not the one with the lowest posted price");
    let [auction] = &held(&world)[..] else { panic!("one auction") };
    let offer = world.offers()[0];
    assert_eq!((offer.price, offer.bid_book), (PricePerGpuHour(70_000), Some(auction.root)));
    assert_eq!(auction.book.bids.len(), 3, "those that lost are in it too");
    assert_eq!(auction.steps, [Step::Awarded { lease: 0, node: address(b'N', 2) }]);
    let [decision] = &world.explain(job).decisions[..] else { panic!("one decision") };
    assert_eq!((decision.chosen.score.price, decision.runners_up.len()), (70_000, 2));
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn a_bid_is_charged_like_a_posted_price() {
    let mut world = bidding(&[Some(100_000), Some(98_000)]);
    let node = address(b'N', 1);
    world.drain();
    world.feed(Event::WorkerImages { node, images: ["image:1".to_owned()].into() });
    world.add_job(1, terms(), auctioned(1));
    world.drain();
    assert_eq!(nodes(&world), [1], "the other would have to pull the image");
}

#[test]
fn what_a_node_posts_does_not_keep_it_from_bidding_and_a_bid_over_the_maximum_is_refused() {
    let mut world = bidding(&[Some(1_000_001), Some(999_999)]);
    for view in world.nodes.values_mut() {
        view.node.price = PricePerGpuHour(5_000_000);
    }
    [1, 2].into_iter().for_each(|number| world.see_node(address(b'N', number)));
    world.add_job(1, terms(), auctioned(1));
    world.drain();
    world.pass(WINDOW + 1);
    let (bid, maximum) = (PricePerGpuHour(1_000_001), PricePerGpuHour(1_000_000));
    assert_eq!(world.refused_bids, [(address(b'N', 1), BidRefused::PriceOutOfBounds { bid, maximum })]);
    assert_eq!(nodes(&world), [2]);
}

#[test]
fn bids_wait_for_those_that_may_still_come_and_no_longer_than_the_window() {
    let (mut world, job, invitation) = invited(&[Some(90_000), Some(80_000)]);
    place(&mut world, bid(address(b'N', 1), PricePerGpuHour(90_000), &invitation));
    assert!(world.offers().is_empty());
    let (blockers, closes_at) = (world.explain(job).blockers, world.millis + AUCTION_WINDOW);
    assert!(blockers.contains(&Blocker::AuctionOpen { invited: 2, bids: 1, closes_at }), "{blockers:?}");
    world.pass(WINDOW - 1);
    assert!(world.offers().is_empty());
    world.pass(1);
    assert_eq!(nodes(&world), [1]);
    place(&mut world, bid(address(b'N', 2), PricePerGpuHour(10_000), &invitation));
    assert_eq!(world.refused_bids.last(), Some(&(address(b'N', 2), BidRefused::Late)));
    assert_eq!(held(&world)[0].book.bids.len(), 1);
}

#[test]
fn bids_that_are_not_what_was_asked_for_are_refused_by_name() {
    let mut world = bidding(&[Some(90_000), Some(80_000)]);
    world.mute_bidders = true;
    world.add_job(1, terms(), auctioned(1));
    let stranger = world.add_node(3, PricePerGpuHour(50_000), hardware());
    world.drain();
    let invitation = world.invitations[0].1;
    let node = address(b'N', 1);
    let good = bid(node, PricePerGpuHour(90_000), &invitation);
    let with = |change: fn(&mut millrace_spec::Bid)| {
        let mut bid = good;
        change(&mut bid.bid);
        bid
    };
    let maximum = terms().maximum_price;
    for (wrong, reason) in [
        (with(|bid| bid.auction = 7), BidRefused::NoAuction),
        (with(|bid| bid.job = Address([1; 32])), BidRefused::NoAuction),
        (with(|bid| bid.opened_slot += 1), BidRefused::OtherTerms),
        (with(|bid| bid.program = Address([1; 32])), BidRefused::OtherTerms),
        (with(|bid| bid.valid_until = UnixSeconds(bid.valid_until.0 + 1)), BidRefused::OtherTerms),
        (with(|bid| bid.price = PricePerGpuHour(0)), BidRefused::PriceOutOfBounds { bid: PricePerGpuHour(0), maximum }),
    ] {
        place(&mut world, wrong);
        assert_eq!(world.refused_bids.pop(), Some((node, reason)));
    }
    place(&mut world, bid(stranger, PricePerGpuHour(1), &invitation));
    assert_eq!(world.refused_bids.pop(), Some((stranger, BidRefused::NotInvited)));
    place(&mut world, good);
    assert_eq!(world.refused_bids, []);
    place(&mut world, bid(node, PricePerGpuHour(10_000), &invitation));
    assert_eq!(world.refused_bids.pop(), Some((node, BidRefused::Twice)), "the first one counts");
    world.pass(WINDOW);
    let prices: Vec<_> = held(&world)[0].book.bids.iter().map(|entered| entered.price.0).collect();
    assert_eq!(prices, [90_000]);
}

#[test]
fn a_winner_that_refuses_leaves_the_lease_to_the_next_bid() {
    let mut world = bidding(&[Some(50_000), Some(60_000), Some(70_000)]);
    world.rigs.get_mut(&address(b'N', 1)).unwrap().refuses = true;
    let job = world.add_job(1, terms(), auctioned(1));
    world.drain();
    let root = held(&world)[0].root;
    let offers: Vec<_> = world.offers().iter().map(|offer| (offer.number, offer.price.0, offer.bid_book)).collect();
    assert_eq!(offers, [(0, 50_000, Some(root)), (0, 60_000, Some(root))]);
    let failed =
        Step::Failed { lease: 0, node: address(b'N', 1), code: "node-busy".to_owned(), cause: "node-busy".to_owned() };
    assert_eq!(steps(&world)[1], failed);
    world.pass(60);
    assert!(world.finished(job));
}

#[test]
fn a_bidder_that_is_gone_is_passed_over_and_it_is_written_down_why() {
    let (mut world, _, invitation) = invited(&[Some(50_000), Some(60_000)]);
    for (number, price) in [(1, 50_000), (2, 60_000)] {
        if number == 2 {
            world.disconnect(address(b'N', 1));
            world.drain();
        }
        place(&mut world, bid(address(b'N', number), PricePerGpuHour(price), &invitation));
    }
    assert!(world.offers().is_empty(), "it may come back");
    world.pass(3 * HEARTBEAT / 1_000 + 1);
    assert_eq!(nodes(&world), [2]);
    let reason = PassedOver::Excluded(Constraint::NodeOffline);
    assert_eq!(steps(&world)[0], Step::PassedOver { node: address(b'N', 1), reason });
}

#[test]
fn one_book_serves_several_leases_as_long_as_its_bids_are_good() {
    let mut world = bidding(&[Some(70_000), Some(50_000), Some(60_000)]);
    let job = world.add_job(1, terms(), auctioned(3));
    world.drain();
    assert_eq!((nodes(&world), world.invitations.len()), (vec![2, 3, 1], 1));
    let prices: Vec<_> = world.offers().iter().map(|offer| offer.price.0).collect();
    assert_eq!(prices, [50_000, 60_000, 70_000], "each at its own bid");
    world.pass(60);
    assert!(world.finished(job));
    world.check_money();
}

#[test]
fn bids_that_are_good_no_longer_are_not_taken() {
    let mut world = bidding(&[Some(50_000), Some(60_000)]);
    world.task_millis = 200_000;
    let terms = JobTerms { concurrent_leases: 1, ..terms() };
    world.add_job(1, JobTerms { lease_seconds: Seconds(600), ..terms }, auctioned(2));
    world.drain();
    world.pass(3);
    assert_eq!(nodes(&world), [1]);
    world.pass(150);
    world.fail_task(address(b'N', 1), Fault::Node, "disk-full");
    world.pass(10);
    assert!(world.invitations.len() > 1, "the second bid of the first auction is too old");
    assert_eq!(held(&world)[1].book.auction, 1);
}

#[test]
fn without_a_bid_the_job_waits_longer_each_time_and_says_so() {
    let mut world = bidding(&[None, None]);
    let job = world.add_job(1, terms(), auctioned(1));
    world.drain();
    assert!(world.offers().is_empty() && held(&world).is_empty());
    let again_at = world.millis + auction_rest(0);
    let blockers = world.explain(job).blockers;
    assert!(blockers.contains(&Blocker::AuctionPausing { failures: 1, again_at }), "{blockers:?}");
    world.pass(auction_rest(0) / 1_000 - 1);
    assert_eq!(world.invitations.len(), 1);
    world.pass(1);
    assert_eq!(world.invitations.len(), 2);
    let blockers = world.explain(job).blockers;
    let again_at = world.millis + auction_rest(1);
    assert!(blockers.contains(&Blocker::AuctionPausing { failures: 2, again_at }), "{blockers:?}");
    world.bids.clear();
    world.pass(auction_rest(1) / 1_000);
    assert_eq!(nodes(&world), [1]);
}

#[test]
fn where_no_node_fits_nobody_is_asked() {
    let mut world = World::new();
    world.add_job(1, terms(), auctioned(1));
    world.drain();
    world.pass(10);
    assert!(world.invitations.is_empty());
    let node = world.add_node(1, PricePerGpuHour(100_000), hardware());
    world.connect(node);
    world.drain();
    assert_eq!(nodes(&world), [1]);
}

#[test]
fn a_job_that_is_cancelled_awards_nothing() {
    let (mut world, job, invitation) = invited(&[Some(50_000), Some(60_000)]);
    place(&mut world, bid(address(b'N', 1), PricePerGpuHour(50_000), &invitation));
    world.cancel(job);
    world.pass(WINDOW + 1);
    assert!(world.offers().is_empty() && held(&world).is_empty());
}

#[test]
fn bids_too_dear_for_the_rest_of_the_deposit_are_passed_over() {
    let mut world = bidding(&[Some(50_000)]);
    world.mute_bidders = true;
    // Enough for one lease at the highest price, as the chain asks.
    let deposit = MicroUsdc(170_000);
    let job = world.add_job(1, JobTerms { deposit, ..terms() }, auctioned(1));
    world.drain();
    let invitation = world.invitations[0].1;
    // Others have taken most of it since.
    world.jobs.get_mut(&job).unwrap().job.reserved = MicroUsdc(169_999);
    world.slot += 1;
    world.see_job(job);
    world.drain();
    place(&mut world, bid(address(b'N', 1), PricePerGpuHour(999_999), &invitation));
    assert!(world.offers().is_empty());
    let reason = PassedOver::Unaffordable;
    let passed = Step::PassedOver { node: address(b'N', 1), reason };
    assert!(steps(&world).is_empty() || steps(&world) == [passed]);
}

#[test]
fn an_auction_under_way_is_held_again_after_a_restart() {
    let (mut world, job, invitation) = invited(&[Some(50_000), Some(60_000)]);
    place(&mut world, bid(address(b'N', 1), PricePerGpuHour(50_000), &invitation));
    world.mute_bidders = false;
    world.restart();
    world.drain();
    world.pass(60);
    assert!(world.invitations.len() > 1 && world.finished(job));
    assert_eq!(held(&world).len(), 1);
}

#[test]
fn killed_anywhere_around_the_award_it_ends_the_same() {
    // Before the last bid counts, between the disk and the offer, after the offer.
    for survives in [None, Some(0), Some(1)] {
        let (mut world, job, invitation) = invited(&[Some(50_000), Some(60_000)]);
        place(&mut world, bid(address(b'N', 1), PricePerGpuHour(50_000), &invitation));
        let last = bid(address(b'N', 2), PricePerGpuHour(60_000), &invitation);
        world.mute_bidders = false;
        world.kill_at(Event::BidMade { signed: last, key: address(b'N', 2) }, survives);
        world.drain();
        world.pass(90);
        assert!(world.finished(job), "{survives:?}");
        let [auction] = &held(&world)[..] else { panic!("{survives:?}: one auction") };
        auction.check().unwrap();
        let won = Step::Awarded { lease: 0, node: address(b'N', 1) };
        assert_eq!(auction.steps.last(), Some(&won), "{survives:?}");
        let lapsed = auction.steps.iter().any(|step| matches!(step, Step::Lapsed { .. }));
        assert_eq!(lapsed, survives == Some(0), "{survives:?}");
        world.check_money();
    }
}

#[test]
fn books_are_kept_over_a_restart_and_not_for_another_job_under_the_same_id() {
    let mut world = bidding(&[Some(50_000), Some(60_000)]);
    let job = world.add_job(1, terms(), auctioned(1));
    world.drain();
    world.pass(60);
    let before = held(&world);
    world.restart();
    world.drain();
    assert_eq!((held(&world), before.len()), (before, 1));
    let mut view = world.closed[&job];
    view.opened_slot += 1_000;
    world.feed(Event::JobSeen { job, view });
    assert!(held(&world).is_empty());
}

/// One auction as it was held.
fn decided() -> Auction {
    let mut world = bidding(&[Some(70_000), Some(50_000), Some(60_000)]);
    world.rigs.get_mut(&address(b'N', 2)).unwrap().refuses = true;
    world.add_job(1, terms(), auctioned(1));
    world.drain();
    held(&world).remove(0)
}

#[test]
fn whatever_is_altered_in_a_book_changes_its_root() {
    let auction = decided();
    assert_eq!(auction.check(), Ok(()));
    let other = Address([1; 32]);
    let alterations: [fn(&mut Book, Address); 18] = [
        |book, other| book.program = other,
        |book, other| book.job = other,
        |book, _| book.opened_slot += 1,
        |book, _| book.auction += 1,
        |book, _| book.closed_at.0 += 1,
        |book, _| book.valid_until.0 += 1,
        |book, _| book.maximum_price.0 += 1,
        |book, _| book.weights.reputation.0 += 1,
        |book, _| book.weights.scarcity.0 += 1,
        |book, _| book.bids.truncate(1),
        |book, _| book.bids[0].price.0 += 1,
        |book, other| book.bids[2].key = other,
        |book, _| book.bids[0].signature.0[0] ^= 1,
        |book, _| book.bids[0].facts.reputation.0 -= 1,
        |book, _| book.bids[0].facts.link = Some(0),
        |book, _| book.bids[0].facts.image_present ^= true,
        |book, _| book.bids[0].facts.idle_gpus += 1,
        |book, _| book.bids[0].facts.scarcity += 1,
    ];
    for (number, alter) in alterations.into_iter().enumerate() {
        let mut forged = auction.clone();
        alter(&mut forged.book, other);
        let computed = forged.book.root();
        assert_ne!(computed, auction.root, "{number}");
        assert_eq!(forged.check(), Err(ReplayError::RootDiffers { computed, recorded: auction.root }), "{number}");
    }
}

#[test]
fn a_winner_that_does_not_follow_from_the_bids_is_found() {
    let auction = decided();
    let node = |number| address(b'N', number);
    let with = |steps: Vec<Step>| Auction { steps, ..auction.clone() }.check();
    let award = |lease, number| Step::Awarded { lease, node: node(number) };
    let passed = |number| Step::PassedOver { node: node(number), reason: PassedOver::NotLeasable };
    assert_eq!(with(vec![award(0, 1)]), Err(ReplayError::OutOfTurn { lease: 0, node: node(1), best: node(2) }));
    assert_eq!(
        with(vec![award(0, 2), award(1, 1)]),
        Err(ReplayError::OutOfTurn { lease: 1, node: node(1), best: node(3) })
    );
    assert_eq!(with(vec![passed(1)]), Err(ReplayError::PassedOutOfTurn { node: node(1) }));
    let lapsed = |number| Step::Lapsed { lease: 0, node: node(number) };
    assert_eq!(with(vec![award(0, 2), lapsed(3)]), Err(ReplayError::NotAwarded { lease: 0, node: node(3) }));
    assert_eq!(with(vec![award(0, 2), lapsed(2), award(0, 2)]), Ok(()));
    let all = vec![award(0, 2), award(1, 3), award(2, 1), award(3, 1)];
    assert_eq!(with(all), Err(ReplayError::NoBid { node: node(1) }));
}

#[test]
fn a_book_with_a_bid_too_many_or_out_of_bounds_is_none() {
    let mut auction = decided();
    auction.book.bids.swap(0, 1);
    assert_eq!(auction.check(), Err(ReplayError::Book(BookError::NotSorted)));
    auction.book.bids[1] = auction.book.bids[0];
    assert_eq!(auction.check(), Err(ReplayError::Book(BookError::NotSorted)));
    for price in [0, 1_000_001] {
        let mut auction = decided();
        let (node, price) = (auction.book.bids[0].node, PricePerGpuHour(price));
        auction.book.bids[0].price = price;
        assert_eq!(auction.check(), Err(ReplayError::Book(BookError::PriceOutOfBounds { node, price })));
    }
}
