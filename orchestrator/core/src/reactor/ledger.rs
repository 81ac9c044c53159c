use millrace_protocol::{Address, MicroUsdc};

use crate::Core;

impl Core {
    /// When the job is closed, its ledger says what its leases were paid in all; what nobody told of one of
    /// them follows. Its settlement may have landed without its sender ever hearing of it: the sender
    /// died, or gave up before the chain went on, or it was the node itself.
    pub(crate) fn book_from_ledger(&mut self, job: Address) {
        let Some(entry) = self.jobs.get(&job).filter(|entry| entry.view.job.unsettled_leases() == 0) else { return };
        let (ledger, opened_at) = (entry.view.job, entry.view.opened_at);
        let mut leases = self.leases_of(job);
        // Not those of an earlier job under the same id.
        leases.retain(|lease| lease.view.lease.opened_at >= opened_at);
        let known_to_both = leases.len() == ledger.leases_opened as usize;
        let (unbooked, booked): (Vec<_>, Vec<_>) = leases.into_iter().partition(|lease| lease.is_unbooked());
        if !known_to_both || unbooked.is_empty() {
            return;
        }
        let told = booked.iter().try_fold(MicroUsdc::ZERO, |sum, lease| sum.plus(lease.view.lease.paid));
        let total = ledger.paid.plus(ledger.fees);
        let Ok(rest) = total.and_then(|total| total.minus(told?)) else { return };
        let paid: Vec<(Address, MicroUsdc)> = match unbooked.as_slice() {
            [lease] => vec![(lease.address, rest)],
            // Each by its final voucher, where that adds up.
            several => {
                let paid = several.iter().map(|lease| Some((lease.address, lease.owed_by_final_voucher(&ledger)?)));
                let Some(paid) = paid.collect::<Option<Vec<_>>>() else { return };
                let sum = paid.iter().try_fold(MicroUsdc::ZERO, |sum, (_, paid)| sum.plus(*paid));
                if sum != Ok(rest) {
                    return;
                }
                paid
            }
        };
        for (lease, paid) in paid {
            if let Some(entry) = self.leases.get_mut(&lease) {
                entry.book_paid(paid, &ledger);
                self.touch_lease(lease);
            }
        }
    }
}
