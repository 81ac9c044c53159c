use std::collections::HashMap;

use millrace_client::accounts::{JobAccount, LeaseAccount, NodeAccount, ProviderAccount};
use millrace_client::{AnyAccount, Update};
use millrace_protocol::Address;
use millrace_scheduler::{Event, JobView, LeaseView, NodeView};
use millrace_spec::Sha256;

/// The program's accounts as last read: transactions are built from them.
#[derive(Default)]
pub(crate) struct Book {
    accounts: HashMap<Address, Option<AnyAccount>>,
    node_keys: HashMap<Address, Address>,
}

impl Book {
    /// Takes a reading and tells what it means to the scheduler. The last one to arrive counts: the
    /// watcher tells every change in order, so an older one is soon followed by the newer.
    pub fn apply(&mut self, update: &Update) -> Event {
        self.accounts.insert(update.address, update.account.clone());
        match &update.account {
            None => Event::AccountGone { address: update.address },
            Some(AnyAccount::Config(config)) => Event::ParametersSeen(config.parameters),
            Some(AnyAccount::Provider(provider)) => {
                Event::ProviderSeen { provider: provider.address, stake: provider.stake }
            }
            Some(AnyAccount::Node(node)) => {
                self.node_keys.insert(node.node_key, node.address);
                let view = NodeView { provider: node.provider, key: node.node_key, node: node.node };
                Event::NodeSeen { node: node.address, view }
            }
            Some(AnyAccount::Job(job)) => Event::JobSeen { job: job.address, view: job_view(job) },
            Some(AnyAccount::Lease(lease)) => Event::LeaseSeen { lease: lease.address, view: lease_view(lease) },
        }
    }

    /// Whether the account exists, as far as was told.
    pub fn knows(&self, address: Address) -> bool {
        self.accounts.get(&address).is_some_and(Option::is_some)
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

    /// The node a key belongs to.
    pub fn node_of_key(&self, key: Address) -> Option<Address> {
        self.node_keys.get(&key).copied()
    }

    fn get(&self, address: Address) -> Option<&AnyAccount> {
        self.accounts.get(&address)?.as_ref()
    }
}

fn job_view(job: &JobAccount) -> JobView {
    JobView {
        buyer: job.buyer,
        funder: job.funder,
        id: job.id,
        opened_slot: job.opened_slot,
        opened_at: job.opened_at,
        spec_hash: Sha256(job.spec_hash),
        job: job.job,
    }
}

fn lease_view(lease: &LeaseAccount) -> LeaseView {
    LeaseView { job: lease.job, node: lease.node, provider: lease.provider, number: lease.number, lease: lease.lease }
}
