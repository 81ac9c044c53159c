use millrace_protocol::{Address, Job, MicroUsdc, Payment};

use crate::state::lease::LeaseEntry;
use crate::{Core, Now};

/// Sums that are tried at most: what has more of them is not guessed about.
const TRIED: usize = 1 << 16;
/// Milliseconds after which the end of every lease that the job's ledger has is known here, too: the chain is read as
/// a whole twice as often.
const SETTLED_DOWN: u64 = 60_000;

impl Core {
    /// Leases are gone whose last payment nobody told. Their job's ledger has it, once whatever else it counts is known
    /// as well.
    pub(crate) fn await_ledger(&mut self, now: Now, job: Address) {
        self.unbooked.insert(job, now.millis);
    }

    /// While the job goes on, what its ledger leaves no doubt about is booked. It must be paid on result, so that no
    /// part of the sum belongs to leases that are unsettled, and have as many of these as are known here.
    pub(crate) fn read_ledgers(&mut self, now: Now) {
        let waited = |since: &u64| now.millis >= since.saturating_add(SETTLED_DOWN);
        let jobs: Vec<_> = self.unbooked.iter().filter(|(_, since)| waited(since)).map(|(job, _)| *job).collect();
        for job in jobs {
            self.unbooked.remove(&job);
            let Some(ledger) = self.jobs.get(&job).map(|entry| entry.view.job) else { continue };
            let leases = self.leases_of_account(job);
            let (open, gone): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.on_chain());
            let told = |lease: &&LeaseEntry| lease.is_unbooked() && lease.crank.in_flight;
            let in_doubt = ledger.terms.payment != Payment::OnResult
                || open.len() != ledger.unsettled_leases() as usize
                || open.len() + gone.len() != ledger.leases_opened as usize
                || gone.iter().any(told);
            let (unbooked, booked): (Vec<_>, Vec<_>) = gone.into_iter().partition(|lease| lease.is_unbooked());
            let paid = rest(&ledger, &booked).filter(|_| !in_doubt).and_then(|rest| only_way(&ledger, &unbooked, rest));
            match paid {
                Some(paid) => self.book_all(&ledger, paid),
                None if unbooked.is_empty() => {}
                None => self.await_ledger(now, job),
            }
        }
    }

    /// When the job is closed, its ledger says what its leases were paid in all; what nobody told of one of
    /// them follows. Its settlement may have landed without its sender ever hearing of it: the sender
    /// died, or gave up before the chain went on, or it was the node itself.
    pub(crate) fn book_from_ledger(&mut self, job: Address) {
        self.unbooked.remove(&job);
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.view.job.unsettled_leases() == 0) else { return };
        let ledger = entry.view.job;
        let leases = self.leases_of_account(job);
        let known_to_both = leases.len() == ledger.leases_opened as usize;
        let (unbooked, booked): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.is_unbooked());
        if !known_to_both || unbooked.is_empty() {
            return;
        }
        let paid = rest(&ledger, &booked).and_then(|rest| likeliest_way(&ledger, &unbooked, rest));
        self.book_all(&ledger, paid.unwrap_or_default());
    }

    fn book_all(&mut self, ledger: &Job, paid: Vec<(Address, MicroUsdc)>) {
        for (lease, paid) in paid {
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.book_paid(paid, ledger);
                self.touch_lease(lease);
            }
        }
    }
}

/// What the ledger has paid beyond what is booked.
fn rest(ledger: &Job, booked: &[&LeaseEntry]) -> Option<MicroUsdc> {
    let told = booked.iter().try_fold(MicroUsdc::ZERO, |sum, lease| sum.plus(lease.view.lease.paid));
    ledger.paid.plus(ledger.fees).ok()?.minus(told.ok()?).ok()
}

/// Who was paid what, if the sum can have come about in one way only.
fn only_way(ledger: &Job, unbooked: &[&LeaseEntry], rest: MicroUsdc) -> Option<Vec<(Address, MicroUsdc)>> {
    let mut ways: Vec<_> = unbooked.iter().map(|lease| lease.possible_ends(ledger)).collect();
    let nothing = |left| left == MicroUsdc::ZERO;
    let (paid, _) = adding_up(&ways, rest, &nothing)?;
    ways.iter_mut().for_each(|ways| ways.reverse());
    let (last, _) = adding_up(&ways, rest, &nothing)?;
    (paid == last).then(|| unbooked.iter().map(|lease| lease.address).zip(paid).collect())
}

fn likeliest_way(ledger: &Job, unbooked: &[&LeaseEntry], rest: MicroUsdc) -> Option<Vec<(Address, MicroUsdc)>> {
    if let [lease] = unbooked {
        return Some(vec![(lease.address, rest)]);
    }
    let ways: Vec<_> = unbooked.iter().map(|lease| lease.possible_payments(ledger)).collect();
    let known = adding_up(&ways, rest, &|left| left == MicroUsdc::ZERO).map(|(paid, _)| paid);
    // Or one of them was paid by a voucher in between, which its node brought and nobody told of.
    let in_between = || {
        (0..unbooked.len()).find_map(|at| {
            let mut others = ways.clone();
            others.remove(at);
            let fits = |left| unbooked[at].may_have_been_paid(left, ledger);
            let (mut paid, left) = adding_up(&others, rest, &fits)?;
            paid.insert(at, left);
            Some(paid)
        })
    };
    let paid = known.or_else(in_between)?;
    Some(unbooked.iter().map(|lease| lease.address).zip(paid).collect())
}

/// One of each lease's possible payments, the likelier first, so that what they leave of `rest` is as wanted; and
/// what they leave.
fn adding_up(
    ways: &[Vec<MicroUsdc>],
    rest: MicroUsdc,
    wanted: &dyn Fn(MicroUsdc) -> bool,
) -> Option<(Vec<MicroUsdc>, MicroUsdc)> {
    let tried = ways.iter().try_fold(1usize, |sums, ways| sums.checked_mul(ways.len()));
    if tried.is_none_or(|sums| sums > TRIED) {
        return None;
    }
    let Some((first, others)) = ways.split_first() else { return wanted(rest).then(|| (Vec::new(), rest)) };
    first.iter().find_map(|paid| {
        let (more, left) = adding_up(others, rest.minus(*paid).ok()?, wanted)?;
        Some(([vec![*paid], more].concat(), left))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(ways: &[&[u64]], rest: u64) -> Option<Vec<u64>> {
        let ways: Vec<Vec<_>> = ways.iter().map(|way| way.iter().copied().map(MicroUsdc).collect()).collect();
        let nothing = |left| left == MicroUsdc::ZERO;
        let found = adding_up(&ways, MicroUsdc(rest), &nothing);
        found.map(|(paid, _)| paid.into_iter().map(|paid| paid.0).collect())
    }

    #[test]
    fn payments_that_add_up_are_found_and_others_are_not_made_up() {
        assert_eq!(guess(&[&[5, 0], &[7, 3]], 12), Some(vec![5, 7]), "each by the likelier way");
        assert_eq!(guess(&[&[5, 0], &[7, 3]], 3), Some(vec![0, 3]));
        assert_eq!(guess(&[&[5, 5], &[7]], 12), Some(vec![5, 7]));
        assert_eq!(guess(&[&[5, 0], &[7, 3]], 4), None);
        let ways = [vec![MicroUsdc(5), MicroUsdc(0)]];
        let of_nine = adding_up(&ways, MicroUsdc(9), &|left| left == MicroUsdc(4));
        assert_eq!(of_nine, Some((vec![MicroUsdc(5)], MicroUsdc(4))), "another one had the rest");
        assert_eq!(guess(&[&[], &[7]], 7), None, "nothing is known of one of them");
        assert_eq!(guess(&[&[1, 2][..]; 16], 17).map(|paid| paid.len()), Some(16));
        assert_eq!(guess(&[&[1, 2][..]; 17], 17), None, "more sums than are tried");
    }
}
