use millrace_protocol::{Address, MicroUsdc, Payment};

use crate::Core;

/// More leases than that are not guessed about: each doubles what there is to try.
const GUESSED: usize = 16;

impl Core {
    /// The job's ledger says what its leases were paid in all; what nobody told of one that is gone follows. Its
    /// settlement may have landed without its sender ever hearing of it: the sender died, or gave up before the chain
    /// went on, or it was the node itself; and what a ruling came to nobody else says.
    ///
    /// While some leases are unsettled they must be paid on result, so that no part of the sum is theirs, and be
    /// those that the ledger counts.
    pub(crate) fn book_from_ledger(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job) else { return };
        let ledger = entry.view.job;
        let open = self.open_leases.of_job(job).count();
        let unsettled = ledger.unsettled_leases() as usize;
        let is_told_apart = ledger.terms.payment == Payment::OnResult && open == unsettled;
        if unsettled > 0 && !is_told_apart {
            return;
        }
        let leases = self.leases_of_account(job);
        let known_to_both = leases.len() == ledger.leases_opened as usize;
        let gone = leases.into_iter().filter(|lease| unsettled == 0 || !lease.on_chain());
        let (unbooked, booked): (Vec<_>, Vec<_>) = gone.partition(|lease| lease.is_unbooked());
        if unbooked.is_empty() {
            self.unbooked.remove(&job);
            return;
        }
        if !known_to_both {
            return;
        }
        let told = booked.iter().try_fold(MicroUsdc::ZERO, |sum, lease| sum.plus(lease.view.lease.paid));
        let total = ledger.paid.plus(ledger.fees);
        let Ok(rest) = total.and_then(|total| total.minus(told?)) else { return };
        let paid: Vec<(Address, MicroUsdc)> = match unbooked.as_slice() {
            [lease] if unsettled == 0 || lease.may_have_come_to(rest, &ledger) => vec![(lease.address, rest)],
            [_] => return,
            several => {
                let ways: Vec<_> = several.iter().map(|lease| lease.possible_payments(&ledger)).collect();
                let known = adding_up(&ways, rest, &|left| left == MicroUsdc::ZERO).map(|(paid, _)| paid);
                // Or one of them was paid by a voucher in between, which its node brought and nobody told of.
                let in_between = || {
                    (0..several.len()).find_map(|at| {
                        let mut others = ways.clone();
                        others.remove(at);
                        let fits = |left| several[at].may_have_been_paid(left, &ledger);
                        let (mut paid, left) = adding_up(&others, rest, &fits)?;
                        paid.insert(at, left);
                        Some(paid)
                    })
                };
                let Some(paid) = known.or_else(in_between) else { return };
                several.iter().map(|lease| lease.address).zip(paid).collect()
            }
        };
        for (lease, paid) in paid {
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.book_paid(paid, &ledger);
                self.touch_lease(lease);
            }
        }
    }

    /// Of a job that is gone nothing more will be told.
    pub(crate) fn book_what_is_left(&mut self, job: Address) {
        if !self.unbooked.remove(&job) {
            return;
        }
        let Some(ledger) = self.jobs.get(&job).map(|entry| entry.view.job) else { return };
        let gone = self.leases_of_account(job).into_iter().filter(|lease| !lease.on_chain() && lease.is_unbooked());
        for lease in gone.map(|lease| lease.address).collect::<Vec<_>>() {
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.book_likeliest(&ledger);
                self.touch_lease(lease);
            }
        }
    }
}

/// One of each lease's possible payments, the likelier first, so that what they leave of `rest` is as wanted; and
/// what they leave.
fn adding_up(
    ways: &[Vec<MicroUsdc>],
    rest: MicroUsdc,
    wanted: &dyn Fn(MicroUsdc) -> bool,
) -> Option<(Vec<MicroUsdc>, MicroUsdc)> {
    if ways.len() > GUESSED {
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
        assert_eq!(guess(&[&[1][..]; GUESSED + 1], 17), None);
    }
}
