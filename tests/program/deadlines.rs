//! One test per row of `docs/deadlines.md`, on the built program: refused in the second before the
//! deadline and done at it, and the other way round for what only goes before.
//! `millrace_protocol::deadlines` names them, and a test there that none is missing.

mod buyers;
mod jobs;
mod leases;
mod providers;
mod rounds;

use millrace_testkit::protocol::voucher::{ExitClass, Voucher};
use millrace_testkit::protocol::{JobTerms, Payment, Seconds, UnixSeconds};
use millrace_testkit::{attestation, terms};

use crate::scene::Scene;

impl Scene {
    /// So many seconds after the lease was opened.
    fn at(&mut self, seconds: u64) {
        self.chain.travel_to(UnixSeconds(self.opened.0 + seconds));
    }

    /// Every second up to now is attested.
    fn attest_until(&mut self, seconds: u64) {
        self.at(seconds);
        self.chain.do_settle(&self.lease, Seconds(seconds));
    }

    fn final_voucher(&self, metered: u64) -> Voucher {
        let sequence = self.chain.lease(&self.lease.address).sequence + 1;
        let voucher = attestation(self.lease.address, sequence, Seconds(metered));
        Voucher { is_final: true, exit_class: ExitClass::Completed, ..voucher }
    }
}

/// Paid on result, with an hour for disputes.
fn disputable() -> JobTerms {
    JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() }
}
