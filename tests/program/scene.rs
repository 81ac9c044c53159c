//! Where most tests begin.

use millrace_testkit::program::MarketError;
use millrace_testkit::program::events::LeaseSettled;
use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, Parameters, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_testkit::{Environment, JobHandle, LeaseHandle, NodeHandle, parameters, terms, usdc};

/// The default terms with a window of a thousand seconds for disputes.
pub fn disputable() -> JobTerms {
    JobTerms { dispute_window: Seconds(1_000), ..terms() }
}

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

    /// Under lease at the node's spot price.
    pub fn preemptible(terms: JobTerms) -> Self {
        let mut chain = Environment::new();
        let node = chain.rig(usdc(100));
        let buyer = chain.wallet(usdc(100));
        let job = chain.do_open_job(&buyer, 1, JobTerms { spot: true, ..terms });
        let spot_price = PricePerGpuHour(chain.node(&node.address).spot_price);
        let call = chain.open_lease_at(&job, &node, spot_price, [0; 32]);
        let lease = chain.do_open_lease_as(&job, &node, &call);
        let opened = chain.now();
        Self { chain, node, job, lease, opened }
    }

    /// A hundred seconds later, with a final voucher over 80 of them.
    pub fn reported(terms: JobTerms) -> Self {
        let mut scene = Self::with(terms);
        scene.chain.advance(Seconds(100));
        scene.chain.do_settle_final(&scene.lease, Seconds(80), ExitClass::Completed);
        scene
    }

    /// Refused one second before `deadline` after the lease's opening, done at it.
    pub fn expires_exactly_after(&mut self, deadline: Seconds) -> LeaseSettled {
        let call = self.chain.expire_lease(&self.lease);
        self.chain.travel_to(UnixSeconds(self.opened.0 + deadline.0 - 1));
        self.chain.refuses(&call, MarketError::DeadlineNotPassed);
        self.chain.travel_to(UnixSeconds(self.opened.0 + deadline.0));
        let receipt = self.chain.do_expire_lease(&self.lease);
        assert!(!self.chain.exists(&self.lease.address));
        self.chain.ledger().check();
        receipt.event()
    }

    /// A second job with its own buyer, leased on a rig of its own.
    pub fn unrelated(&mut self) -> LeaseHandle {
        let node = self.chain.rig(usdc(100));
        let buyer = self.chain.wallet(usdc(100));
        let job = self.chain.do_open_job(&buyer, 1, terms());
        self.chain.do_open_lease(&job, &node)
    }
}
