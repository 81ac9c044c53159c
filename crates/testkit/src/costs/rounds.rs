use millrace_protocol::quorum::MEMBERS;
use millrace_protocol::voucher::ExitClass;
use millrace_protocol::{JobTerms, Payment, Seconds, Verification};

use super::{Cost, cost};
use crate::{Environment, LeaseHandle, builders, commitment, usdc};

const ROOT: [u8; 32] = [7; 32];
const SALT: [u8; 32] = [8; 32];

/// A round of as many members as there can be, each instruction by the one that comes last.
pub(super) fn measure(chain: &mut Environment, costs: &mut Vec<Cost>) {
    let size = MEMBERS as u8;
    let terms = JobTerms {
        verification: Verification::Quorum { needed: size / 2 + 1, size },
        payment: Payment::OnResult,
        concurrent_leases: size.into(),
        deposit: usdc(4 * u64::from(size)),
        ..builders::terms()
    };
    let buyer = chain.wallet(usdc(1_000));
    let job = chain.do_open_job(&buyer, 1, terms);
    let call = chain.open_round(&job);
    costs.push(cost(chain, "open_quorum", &call));

    let nodes: Vec<_> = (0..size).map(|_| chain.rig(usdc(100))).collect();
    let (last, others) = nodes.split_last().expect("a round has members");
    let mut leases: Vec<_> = others.iter().map(|node| chain.do_open_lease(&job, node)).collect();
    let call = chain.open_lease(&job, last);
    costs.push(cost(chain, "open_lease (last of seven members)", &call));
    leases.push(LeaseHandle { address: call.accounts.lease, job: job.clone(), node: last.clone() });

    chain.advance(Seconds(100));
    for lease in &leases {
        chain.do_settle_final(lease, Seconds(100), ExitClass::Completed);
    }
    let (last, others) = leases.split_last().expect("a round has members");
    others.iter().for_each(|lease| drop(chain.do_commit_result(lease, ROOT, SALT)));
    let call = chain.commit_result(last, commitment(last, ROOT, SALT));
    costs.push(cost(chain, "commit_result", &call));
    others.iter().for_each(|lease| drop(chain.do_reveal_result(lease, ROOT, SALT)));
    let call = chain.reveal_result(last, ROOT, SALT);
    costs.push(cost(chain, "reveal_result", &call));
    let call = chain.tally_quorum(&job);
    costs.push(cost(chain, "tally_quorum", &call));
    others.iter().for_each(|lease| drop(chain.do_settle_member(lease)));
    let call = chain.settle_member(last);
    costs.push(cost(chain, "settle_member", &call));
    let call = chain.close_quorum(&job);
    costs.push(cost(chain, "close_quorum", &call));
}
