use std::collections::BTreeMap;

use millrace_protocol::{Address, MicroUsdc, Seconds};
use solana_signature::Signature;

use super::{JobEvent, JobHistory};

/// One movement of money and the transaction that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Posting {
    pub amount: MicroUsdc,
    pub signature: Signature,
}

/// What one node earned from a job, and what it lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeShare {
    pub node: Address,
    pub provider: Address,
    /// To the provider, fees not included, one posting for each redeemed voucher that moved money.
    pub paid: Vec<Posting>,
    /// To the network, out of the same vouchers.
    pub fees: Vec<Posting>,
    /// Out of the node's bond, to the job.
    pub penalties: Vec<Posting>,
    /// Attested running time of each of its leases, by the lease's address.
    pub leases: BTreeMap<Address, Seconds>,
}

impl NodeShare {
    pub fn total_paid(&self) -> MicroUsdc {
        total(&self.paid)
    }

    pub fn total_fees(&self) -> MicroUsdc {
        total(&self.fees)
    }

    /// Attested running time of all its leases.
    pub fn metered(&self) -> Seconds {
        Seconds(self.leases.values().fold(0, |sum, metered| sum.saturating_add(metered.0)))
    }
}

/// Where a job's money came from and where it went.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Statement {
    pub deposit: Option<Posting>,
    /// Bonds of challengers, put into the vault.
    pub challenges: Vec<Posting>,
    /// Bonds of challengers that left the vault again: back to the challenger, or to the provider.
    pub challenges_over: Vec<Posting>,
    /// By node address.
    pub nodes: Vec<NodeShare>,
    /// Absent until the job is closed.
    pub refund: Option<Posting>,
    /// In the job's vault after the last event: zero once it is closed.
    pub in_vault: MicroUsdc,
    /// Whether each event found in the vault what the one before had left there.
    vault_is_continuous: bool,
    /// Sent to the vault by strangers and refunded with the rest.
    pub surplus: MicroUsdc,
}

impl Statement {
    /// To all providers, fees not included.
    pub fn paid(&self) -> MicroUsdc {
        sum(self.nodes.iter().flat_map(|node| &node.paid))
    }

    pub fn fees(&self) -> MicroUsdc {
        sum(self.nodes.iter().flat_map(|node| &node.fees))
    }

    /// What nodes that failed the job left of their bonds.
    pub fn compensation(&self) -> MicroUsdc {
        sum(self.nodes.iter().flat_map(|node| &node.penalties))
    }

    /// Whether everything that went in came out or still lies in the vault, to the micro-USDC, and
    /// no token moved between two events unseen.
    pub fn balanced(&self) -> bool {
        let amount = |posting: &Option<Posting>| posting.map_or(0, |posting| u128::from(posting.amount.0));
        let wide = |money: MicroUsdc| u128::from(money.0);
        let into =
            amount(&self.deposit) + wide(self.compensation()) + wide(total(&self.challenges)) + wide(self.surplus);
        let left = wide(self.paid()) + wide(self.fees()) + wide(total(&self.challenges_over));
        let out = left + amount(&self.refund) + wide(self.in_vault);
        self.deposit.is_some() && self.vault_is_continuous && into == out
    }
}

impl JobHistory {
    /// Adds it all up.
    pub fn statement(&self) -> Statement {
        let mut statement = Statement { vault_is_continuous: true, ..Statement::default() };
        let mut nodes = BTreeMap::new();
        for entry in &self.entries {
            let posting = |amount| Posting { amount, signature: entry.signature };
            match entry.event {
                JobEvent::Opened { deposit, vault_before, vault_after, .. } => {
                    statement.deposit = Some(posting(deposit));
                    statement.move_vault(vault_before, vault_after);
                }
                JobEvent::Settled {
                    lease,
                    node,
                    provider,
                    metered,
                    payment,
                    fee,
                    compensation,
                    vault_before,
                    vault_after,
                    ..
                }
                | JobEvent::LeaseSettled {
                    lease,
                    node,
                    provider,
                    metered,
                    payment,
                    fee,
                    compensation,
                    vault_before,
                    vault_after,
                    ..
                } => {
                    statement.move_vault(vault_before, vault_after);
                    let share = nodes.entry(node).or_insert_with(|| empty(node, provider));
                    share.leases.insert(lease, metered);
                    if payment > MicroUsdc::ZERO {
                        share.paid.push(posting(payment.saturating_minus(fee)));
                        share.fees.push(posting(fee));
                    }
                    if compensation > MicroUsdc::ZERO {
                        share.penalties.push(posting(compensation));
                    }
                }
                JobEvent::DisputeOpened { bond, vault_before, vault_after, .. } => {
                    statement.move_vault(vault_before, vault_after);
                    statement.challenges.push(posting(bond));
                }
                JobEvent::Closed { refund, surplus, vault_before, vault_after, .. } => {
                    // What strangers sent shows up here for the first time.
                    statement.move_vault(vault_before.saturating_minus(surplus), vault_after);
                    statement.surplus = surplus;
                    statement.refund = Some(posting(MicroUsdc(refund.0.saturating_add(surplus.0))));
                }
                JobEvent::LeaseOpened { .. }
                | JobEvent::LeaseExtended { .. }
                | JobEvent::StartExtended { .. }
                | JobEvent::LeaseHeld { .. }
                | JobEvent::PreemptionNoticed { .. }
                | JobEvent::QuorumOpened { .. }
                | JobEvent::ResultCommitted { .. }
                | JobEvent::ResultRevealed { .. }
                | JobEvent::QuorumTallied { .. }
                | JobEvent::QuorumClosed { .. }
                | JobEvent::Cancelled { .. }
                | JobEvent::Expired { .. } => {}
            }
            if let JobEvent::LeaseSettled { challenger_refund, challenger_forfeit, .. } = entry.event {
                let over = [challenger_refund, challenger_forfeit].into_iter().filter(|bond| *bond > MicroUsdc::ZERO);
                statement.challenges_over.extend(over.map(posting));
            }
        }
        statement.nodes = nodes.into_values().collect();
        statement
    }
}

impl Statement {
    fn move_vault(&mut self, before: MicroUsdc, after: MicroUsdc) {
        self.vault_is_continuous &= before == self.in_vault;
        self.in_vault = after;
    }
}

fn empty(node: Address, provider: Address) -> NodeShare {
    NodeShare { node, provider, paid: Vec::new(), fees: Vec::new(), penalties: Vec::new(), leases: BTreeMap::new() }
}

fn total(postings: &[Posting]) -> MicroUsdc {
    sum(postings.iter())
}

/// Saturates where no balance ever could be: such a statement does not balance.
fn sum<'a>(postings: impl Iterator<Item = &'a Posting>) -> MicroUsdc {
    MicroUsdc(postings.fold(0, |sum, posting| sum.saturating_add(posting.amount.0)))
}

#[cfg(test)]
mod tests;
