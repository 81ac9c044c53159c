use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{HardwareAttestation, HardwareClass, JobTerms, Payment, PricePerGpuHour, Seconds};

use super::{Cost, cost};
use crate::{Environment, NodeHandle, Wallet, builders};

/// What happens to leases between their opening and their settlement, and their settlement without a voucher.
pub(super) fn measure(chain: &mut Environment, node: &NodeHandle, buyer: &Wallet, costs: &mut Vec<Cost>) {
    let expires_at = chain.now().after(Seconds(1_000)).unwrap();
    let shown = HardwareAttestation { class: HardwareClass::Challenged, expires_at };
    let call = chain.attest_node(node, shown);
    costs.push(cost(chain, "attest_node", &call));

    let disputable =
        JobTerms { payment: Payment::OnResult, dispute_window: Seconds(1_000), retries: 5, ..builders::terms() };
    let job = chain.do_open_job(buyer, 11, disputable);
    let mut call = chain.open_lease(&job, node);
    call.data.args.maximum_seconds = 1_000;
    let lease = chain.do_open_lease_as(&job, node, &call);
    let call = chain.extend_start(&lease);
    costs.push(cost(chain, "extend_start", &call));
    let call = chain.extend_lease(&lease, Seconds(500));
    costs.push(cost(chain, "extend_lease", &call));
    chain.advance(Seconds(100));
    chain.do_settle(&lease, Seconds(60));
    chain.advance(Seconds(100));
    let call = chain.hold_lease(&lease);
    costs.push(cost(chain, "hold_lease", &call));
    chain.do_settle_final(&lease, Seconds(160), ExitClass::Released);
    let call = chain.accept_lease(&lease);
    costs.push(cost(chain, "accept_lease", &call));

    let lease = chain.do_open_lease(&job, node);
    chain.advance(Seconds(100));
    chain.do_settle_final(&lease, Seconds(60), ExitClass::Released);
    chain.advance(Seconds(1_000));
    let call = chain.finalize_lease(&lease);
    costs.push(cost(chain, "finalize_lease", &call));

    let spot = chain.do_open_job(buyer, 12, JobTerms { spot: true, ..builders::terms() });
    let price = PricePerGpuHour(chain.node(&node.address).spot_price);
    let call = chain.open_lease_at(&spot, node, price, [0; 32]);
    let lease = chain.do_open_lease_as(&spot, node, &call);
    let call = chain.notice_preemption(&lease);
    costs.push(cost(chain, "notice_preemption", &call));
}
