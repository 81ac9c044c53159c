use std::collections::{BTreeSet, HashMap};

use millrace_client::accounts::{
    DisputeAccount, JobAccount, LeaseAccount, NodeAccount, ProviderAccount, QuorumAccount,
};
use millrace_client::{AnyAccount, Update};
use millrace_protocol::{Address, UnixSeconds};
use millrace_scheduler::{Event, JobView, LeaseView, NodeView};
use millrace_spec::{Sha256, Version};

pub(crate) fn round_seen(round: &QuorumAccount) -> Event {
    Event::QuorumSeen { job: round.job, round: round.round, quorum: round.quorum.into() }
}

/// The program's accounts as last read: transactions are built from them.
#[derive(Default)]
pub(crate) struct Book {
    accounts: HashMap<Address, AnyAccount>,
    /// Nodes by the key they have now, each with when it was added: the first one comes first.
    node_keys: HashMap<Address, BTreeSet<(UnixSeconds, Address)>>,
    /// By lease.
    disputes: HashMap<Address, Address>,
}

impl Book {
    /// Takes a reading and tells what it means to the scheduler. The last one to arrive counts: the
    /// watcher tells every change in order, so an older one is soon followed by the newer.
    /// `None` for accounts that the scheduler does not follow.
    pub fn apply(&mut self, update: &Update) -> Option<Event> {
        let before = self.node(update.address).map(claim);
        match &update.account {
            Some(account) => _ = self.accounts.insert(update.address, account.clone()),
            None => self.remove(update.address),
        }
        self.pass_key_on(before, self.node(update.address).map(claim));
        Some(match &update.account {
            None => Event::AccountGone { address: update.address },
            Some(AnyAccount::Config(config)) => Event::ParametersSeen(config.parameters),
            Some(AnyAccount::Provider(provider)) => {
                Event::ProviderSeen { provider: provider.address, account: provider.provider }
            }
            Some(AnyAccount::Node(node)) => {
                let (driver, cuda) = (Version(node.driver), Version(node.cuda));
                let view = NodeView { provider: node.provider, key: node.node_key, node: node.node, driver, cuda };
                Event::NodeSeen { node: node.address, view }
            }
            Some(AnyAccount::Job(job)) => Event::JobSeen { job: job.address, view: job_view(job) },
            Some(AnyAccount::Lease(lease)) => Event::LeaseSeen { lease: lease.address, view: lease_view(lease) },
            Some(AnyAccount::Dispute(dispute)) => {
                self.disputes.insert(dispute.lease, dispute.address);
                Event::DisputeSeen { lease: dispute.lease, dispute: dispute.dispute }
            }
            Some(AnyAccount::Quorum(round)) => round_seen(round),
            // Balances are their owners' own.
            Some(AnyAccount::Buyer(_) | AnyAccount::Allowance(_)) => return None,
        })
    }

    fn remove(&mut self, address: Address) {
        if let Some(AnyAccount::Dispute(dispute)) = self.accounts.remove(&address) {
            self.disputes.remove(&dispute.lease);
        }
    }

    /// Whether the account exists, as far as was told.
    pub fn knows(&self, address: Address) -> bool {
        self.accounts.contains_key(&address)
    }

    pub fn job(&self, address: Address) -> Option<&JobAccount> {
        match self.get(address)? {
            AnyAccount::Job(job) => Some(job),
            _ => None,
        }
    }

    pub fn lease(&self, address: Address) -> Option<&LeaseAccount> {
        match self.get(address)? {
            AnyAccount::Lease(lease) => Some(lease),
            _ => None,
        }
    }

    /// The dispute about a lease.
    pub fn dispute(&self, lease: Address) -> Option<&DisputeAccount> {
        match self.get(*self.disputes.get(&lease)?)? {
            AnyAccount::Dispute(dispute) => Some(dispute),
            _ => None,
        }
    }

    /// The job's open round.
    pub fn round(&self, job: Address) -> Option<&QuorumAccount> {
        match self.get(self.job(job)?.open_quorum()?)? {
            AnyAccount::Quorum(round) => Some(round),
            _ => None,
        }
    }

    /// What a transaction about a lease is built from.
    pub fn lease_and_job(&self, address: Address) -> Option<(JobAccount, LeaseAccount)> {
        let lease = self.lease(address)?;
        Some((self.job(lease.job)?.clone(), lease.clone()))
    }

    pub fn node(&self, address: Address) -> Option<&NodeAccount> {
        match self.get(address)? {
            AnyAccount::Node(node) => Some(node),
            _ => None,
        }
    }

    pub fn provider(&self, address: Address) -> Option<&ProviderAccount> {
        match self.get(address)? {
            AnyAccount::Provider(provider) => Some(provider),
            _ => None,
        }
    }

    /// A node that has another key, or is gone, speaks by its earlier key no longer.
    fn pass_key_on(&mut self, before: Option<Claim>, now: Option<Claim>) {
        if before == now {
            return;
        }
        if let Some((key, node)) = before
            && let Some(nodes) = self.node_keys.get_mut(&key)
        {
            nodes.remove(&node);
            if nodes.is_empty() {
                self.node_keys.remove(&key);
            }
        }
        if let Some((key, node)) = now {
            self.node_keys.entry(key).or_default().insert(node);
        }
    }

    /// The node a key belongs to. Whoever pays the rent may name any key for a node of its own. The key is the node's
    /// that was added first: a later one must not take the rig's worker away from it.
    pub fn node_of_key(&self, key: Address) -> Option<Address> {
        self.node_keys.get(&key)?.first().map(|(_, node)| *node)
    }

    pub fn get(&self, address: Address) -> Option<&AnyAccount> {
        self.accounts.get(&address)
    }
}

/// A node's key, and what orders the nodes that name it.
type Claim = (Address, (UnixSeconds, Address));

fn claim(node: &NodeAccount) -> Claim {
    (node.node_key, (node.added_at, node.address))
}

fn job_view(job: &JobAccount) -> JobView {
    // Who takes a deposit out of a balance signs for the rent as well.
    let delegate = Some(job.rent_payer).filter(|opener| job.prepaid && *opener != job.buyer);
    JobView {
        buyer: job.buyer,
        funder: job.funder,
        delegate,
        attestor: job.attestor,
        id: job.id,
        opened_slot: job.opened_slot,
        opened_at: job.opened_at,
        spec_hash: Sha256(job.spec_hash),
        quorum_round: job.quorum_round,
        quorum_open: job.quorum_open,
        job: job.job,
    }
}

fn lease_view(lease: &LeaseAccount) -> LeaseView {
    LeaseView {
        job: lease.job,
        node: lease.node,
        provider: lease.provider,
        number: lease.number,
        attestor: lease.attestor,
        lease: lease.lease,
    }
}

#[cfg(test)]
mod tests {
    use millrace_protocol::{
        GpuUnits, Hardware, HardwareAttestation, Node, NodeStatus, PricePerGpuHour, ServiceLevel, UnixSeconds,
    };

    use super::*;

    const KEY: Address = Address([9; 32]);
    const OTHER: Address = Address([8; 32]);

    fn told(book: &mut Book, address: u8, added_at: u64) {
        told_with(book, address, added_at, KEY);
    }

    fn told_with(book: &mut Book, address: u8, added_at: u64, node_key: Address) {
        let node = NodeAccount {
            address: Address([address; 32]),
            provider: Address([address; 32]),
            index: 0,
            node_key,
            node: Node {
                hardware: Hardware {
                    gpu_class: 0,
                    gpu_count: 0,
                    vram_mib: 0,
                    cpu_cores: 1,
                    memory_mib: 1,
                    disk_mib: 1,
                    region: 0,
                    country: *b"DE",
                    simulated: true,
                },
                price: PricePerGpuHour(1),
                spot_price: PricePerGpuHour::ZERO,
                service_level: ServiceLevel::None,
                attestation: HardwareAttestation::default(),
                leased: GpuUnits(0),
                status: NodeStatus::Active,
            },
            driver: 0,
            cuda: 0,
            capabilities: 0,
            attestor: None,
            attestation_digest: [0; 32],
            attestation_score: 0,
            rent_payer: Address([2; 32]),
            added_at: UnixSeconds(added_at),
        };
        book.apply(&Update { address: node.address, slot: 1, account: Some(AnyAccount::Node(node)) });
    }

    #[test]
    fn a_key_stays_with_the_node_it_was_added_for_first() {
        for order in [[(5, 100), (4, 200)], [(4, 200), (5, 100)]] {
            let mut book = Book::default();
            order.into_iter().for_each(|(address, added_at)| told(&mut book, address, added_at));
            assert_eq!(book.node_of_key(KEY), Some(Address([5; 32])));
        }
    }

    #[test]
    fn a_key_that_was_replaced_is_nobodys_or_the_next_ones() {
        let mut book = Book::default();
        told(&mut book, 5, 100);
        told_with(&mut book, 5, 100, OTHER);
        assert_eq!(book.node_of_key(KEY), None);
        assert_eq!(book.node_of_key(OTHER), Some(Address([5; 32])));
        // It moves to a later node, which had to wait for it or not.
        told(&mut book, 4, 200);
        assert_eq!(book.node_of_key(KEY), Some(Address([4; 32])));
        told_with(&mut book, 4, 200, OTHER);
        assert_eq!(book.node_of_key(OTHER), Some(Address([5; 32])));
        told_with(&mut book, 5, 100, KEY);
        assert_eq!(book.node_of_key(OTHER), Some(Address([4; 32])));
        book.apply(&Update { address: Address([5; 32]), slot: 2, account: None });
        assert_eq!(book.node_of_key(KEY), None);
        assert_eq!(book.node_keys.len(), 1, "what nobody has is not kept");
    }
}
