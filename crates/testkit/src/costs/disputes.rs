use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{JobTerms, Payment, Ruling, Seconds};

use super::{Cost, cost};
use crate::{Environment, LeaseHandle, NodeHandle, builders, usdc};

/// A dispute that is ruled for the buyer, which moves most, and one that nobody rules.
pub(super) fn measure(chain: &mut Environment, node: &NodeHandle, costs: &mut Vec<Cost>) {
    let lease = reported(chain, node);
    let buyer = lease.job.buyer.clone();
    let call = chain.open_dispute(&lease, &buyer);
    costs.push(cost(chain, "open_dispute", &call));
    let call = chain.resolve_dispute(&lease, &buyer, Ruling::BuyerRight);
    costs.push(cost(chain, "resolve_dispute", &call));

    let lease = reported(chain, node);
    let buyer = lease.job.buyer.clone();
    chain.do_open_dispute(&lease, &buyer);
    chain.advance(Seconds(7 * 86_400));
    let call = chain.expire_dispute(&lease, &buyer);
    costs.push(cost(chain, "expire_dispute", &call));
}

fn reported(chain: &mut Environment, node: &NodeHandle) -> LeaseHandle {
    let terms = JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..builders::terms() };
    let buyer = chain.wallet(usdc(1_000));
    let job = chain.do_open_job(&buyer, 1, terms);
    let lease = chain.do_open_lease(&job, node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(100), ExitClass::Completed);
    lease
}
