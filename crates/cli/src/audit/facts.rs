//! What a book tells of its bidders, beside what the chain tells of them now.

use millrace_protocol::{Address, BasisPoints, MicroUsdc, Reputation, UnixSeconds};
use millrace_scheduler::{Auction, Book, Entered};

use super::{Chain, Error, Note, TOLERANCE};

/// Reputations fade by whole hours, so an account says of its last record only within which hour it was.
const HOUR: u64 = 3_600;

/// Micro-USDC that fading in two steps instead of one may lose: twice what [`Reputation`] gives as its error, and some.
const ROUNDED: u64 = 32;

/// A node that has bid, as it is on chain now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bidder {
    pub key: Address,
    /// GPUs, or slices of them, that it offers.
    pub units: u16,
    /// Its provider's; none where that is gone.
    pub reputation: Option<Reputation>,
}

/// Compares a bidder's reputation at the auction's end with the chain's. Where no lease of the provider was settled
/// since, the account of now says exactly what it was then; otherwise it says how low it can have been at most, because
/// what spoke against the provider then does so still, faded.
///
/// # Errors
/// [`Error::ReputationDiffers`].
pub(super) fn reputation(book: &Book, entered: &Entered, bidder: &Bidder) -> Result<Option<Note>, Error> {
    let Some(now) = bidder.reputation else { return Ok(None) };
    let (auction, node, recorded) = (book.auction, entered.node, entered.facts.reputation);
    let (least, most) = range(now, book.closed_at);
    if !(least..=most).contains(&recorded) {
        return Err(Error::ReputationDiffers { auction, node, recorded, least, most });
    }
    // A point is what rounding makes of it; of who has nothing against it there is no more to say.
    Ok((most.0 - least.0 > 1 && has_moved(now, book.closed_at)).then_some(Note::ReputationMoved {
        auction,
        node,
        recorded,
        least,
    }))
}

/// A rig that nobody leased a part of is left with what a lease does not take, and any other with nothing. Nodes may
/// change their hardware, so a difference is not the book's fault for certain.
pub(super) fn size(chain: &Chain, auction: &Auction, entered: &Entered, bidder: &Bidder) -> Option<Note> {
    let idle_gpus = entered.facts.idle_gpus;
    let lease = chain.opened.iter().find(|opened| opened.bid_book_root == auction.root.0)?;
    let fits = idle_gpus == 0 || idle_gpus.checked_add(lease.units) == Some(bidder.units);
    let (auction, node) = (auction.book.auction, entered.node);
    (!fits).then_some(Note::OtherSize { auction, node, idle_gpus, units: bidder.units })
}

/// Whether a lease may have been settled since the moment, or so shortly before it that nobody had heard of it.
fn has_moved(now: Reputation, then: UnixSeconds) -> bool {
    now.updated_at.0.saturating_add(HOUR) > then.0.saturating_sub(TOLERANCE) && now.updated_at.0 > 0
}

/// The lowest and highest reputation that it can have been.
fn range(now: Reputation, then: UnixSeconds) -> (BasisPoints, BasisPoints) {
    if has_moved(now, then) {
        return (lowest(now, then), BasisPoints::WHOLE);
    }
    // It may just have faded by another hour.
    let scores = [then.0.saturating_sub(TOLERANCE), then.0, then.0.saturating_add(TOLERANCE)]
        .map(|moment| now.score(UnixSeconds(moment)));
    (scores.into_iter().min().unwrap_or_default(), scores.into_iter().max().unwrap_or_default())
}

/// With nothing in its favour, and as much against it as could have faded to what is against it now.
fn lowest(now: Reputation, then: UnixSeconds) -> BasisPoints {
    // An hour at either end that has begun.
    let hours = now.updated_at.since(UnixSeconds(then.0.saturating_sub(TOLERANCE))).0 / HOUR + 2;
    let left_of = |bad: u64| {
        let weight = Reputation { good: MicroUsdc::ZERO, bad: MicroUsdc(bad), updated_at: UnixSeconds(0) };
        weight.at(UnixSeconds(hours * HOUR)).bad
    };
    let (mut fits, mut too_much) = (0, u64::MAX);
    while fits < too_much - 1 {
        let middle = fits + (too_much - fits) / 2;
        if left_of(middle) <= now.bad { fits = middle } else { too_much = middle }
    }
    let bad = MicroUsdc(fits.saturating_add(ROUNDED));
    Reputation { good: MicroUsdc::ZERO, bad, updated_at: then }.score(then)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: UnixSeconds = UnixSeconds(1_900_000_000);
    const DAY: u64 = 24 * HOUR;

    fn weights(good: u64, bad: u64, updated_at: u64) -> Reputation {
        Reputation { good: MicroUsdc(good), bad: MicroUsdc(bad), updated_at: UnixSeconds(updated_at) }
    }

    #[test]
    fn an_account_that_was_not_touched_since_says_exactly_what_it_was() {
        let untouched = weights(500_000, 1_000_000, CLOSED.0 - DAY - HOUR / 2);
        let exactly = untouched.score(CLOSED);
        assert_eq!(range(untouched, CLOSED), (exactly, exactly));
        assert_eq!(range(Reputation::default(), CLOSED), (BasisPoints::WHOLE, BasisPoints::WHOLE));
        // It fades as the auction ends: both will do.
        let fading = weights(0, 1_000_000, CLOSED.0 - DAY + 1);
        let (least, most) = range(fading, CLOSED);
        assert_eq!(
            (least, most),
            (fading.score(UnixSeconds(CLOSED.0 - TOLERANCE)), fading.score(UnixSeconds(CLOSED.0 + 1)))
        );
        assert!(least < most);
    }

    #[test]
    fn the_last_record_may_be_an_hour_younger_than_the_account_says() {
        let last = CLOSED.0 - TOLERANCE - HOUR;
        assert!(!has_moved(weights(1, 0, last), CLOSED));
        assert!(has_moved(weights(1, 0, last + 1), CLOSED));
        assert!(!has_moved(Reputation::default(), UnixSeconds(10)), "no lease was ever settled");
    }

    #[test]
    fn whatever_was_recorded_since_the_reputation_was_not_below_the_bound() {
        for (good, bad) in [(0, 0), (0, 1), (3_000_000, 1_000_000), (7, u64::MAX / 4), (1_000_000_000, 40)] {
            for (gap, later) in [(0, 1), (1, 90), (HOUR - 1, DAY), (5, 45 * DAY), (HOUR, 400 * DAY)] {
                let mut account = weights(good, bad, CLOSED.0 - gap);
                let then = account.score(CLOSED);
                account.record(MicroUsdc(9), MicroUsdc(0), UnixSeconds(CLOSED.0 + later / 2)).unwrap();
                account.record(MicroUsdc(0), MicroUsdc(5), UnixSeconds(CLOSED.0 + later)).unwrap();
                assert!(lowest(account, CLOSED) <= then, "{good} {bad} {gap} {later}");
            }
        }
    }

    #[test]
    fn who_has_nothing_against_it_had_next_to_nothing_against_it() {
        let clean = weights(2_000_000, 0, CLOSED.0 + DAY);
        assert!(lowest(clean, CLOSED) >= BasisPoints(9_999));
    }
}
