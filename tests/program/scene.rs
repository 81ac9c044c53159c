//! Where most tests begin.

use millrace_testkit::protocol::{JobTerms, Parameters, UnixSeconds};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, NodeHandle, parameters, terms, usdc};

/// A network, a rig with stake for many leases, and a job of the default terms under lease 0 on it.
/// The price is 1000 micro-USDC per second, the bond 3.60 USDC, the fee 5 %.
pub struct Scene {
    pub chain: Environment,
    pub node: NodeHandle,
    pub job: JobHandle,
    pub lease: LeaseHandle,
    pub opened: UnixSeconds,
}

impl Scene {
    pub fn new() -> Self {
        Self::with(terms())
    }

    pub fn with(terms: JobTerms) -> Self {
        Self::under(parameters(), terms)
    }

    pub fn under(parameters: Parameters, terms: JobTerms) -> Self {
        let mut chain = Environment::with(parameters);
        let node = chain.rig(usdc(100));
        let buyer = chain.wallet(usdc(100));
        let job = chain.do_open_job(&buyer, 1, terms);
        let lease = chain.do_open_lease(&job, &node);
        let opened = chain.now();
        Self { chain, node, job, lease, opened }
    }

    /// A second job with its own buyer, leased on a rig of its own.
    pub fn unrelated(&mut self) -> LeaseHandle {
        let node = self.chain.rig(usdc(100));
        let buyer = self.chain.wallet(usdc(100));
        let job = self.chain.do_open_job(&buyer, 1, terms());
        self.chain.do_open_lease(&job, &node)
    }
}
