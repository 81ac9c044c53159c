use std::collections::BTreeMap;

use millrace_protocol::{Address, LeaseOutcome, MicroUsdc, Seconds, UnixSeconds};

use super::{JobEvent, NodeHistory};

/// Money of a node and the time it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Takings {
    /// Attested and settled.
    pub seconds: Seconds,
    /// What these seconds cost the buyers.
    pub gross: MicroUsdc,
    /// The network's part of it.
    pub fee: MicroUsdc,
    /// Bonds of challengers who were wrong.
    pub forfeits: MicroUsdc,
    /// Lost of the node's own bonds: out of the stake, not out of earnings.
    pub penalties: MicroUsdc,
}

impl Takings {
    /// What the provider's vault gained: gross less the fee, and forfeits.
    pub fn net(&self) -> MicroUsdc {
        MicroUsdc(self.gross.saturating_minus(self.fee).0.saturating_add(self.forfeits.0))
    }

    /// Saturates where no balance ever could be.
    pub fn add(&mut self, other: &Self) {
        let sum = |a: MicroUsdc, b: MicroUsdc| MicroUsdc(a.0.saturating_add(b.0));
        self.seconds = Seconds(self.seconds.0.saturating_add(other.seconds.0));
        self.gross = sum(self.gross, other.gross);
        self.fee = sum(self.fee, other.fee);
        self.forfeits = sum(self.forfeits, other.forfeits);
        self.penalties = sum(self.penalties, other.penalties);
    }
}

/// What one lease brought in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseEarnings {
    pub lease: Address,
    pub job: Address,
    /// When money moved last.
    pub at: UnixSeconds,
    /// How it ended; `None` while it goes on, or where it ended after the range.
    pub outcome: Option<LeaseOutcome>,
    pub takings: Takings,
}

/// What a node earned, from the chain's events alone.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Earnings {
    /// By the time of their last settlement, oldest first.
    pub leases: Vec<LeaseEarnings>,
    /// By day since the Unix epoch, in UTC.
    pub days: BTreeMap<u64, Takings>,
    pub total: Takings,
}

impl NodeHistory {
    /// Adds it all up. Each second and each micro-USDC counts when it was settled.
    pub fn earnings(&self) -> Earnings {
        let mut metered_before: BTreeMap<Address, Seconds> = BTreeMap::new();
        let mut leases: BTreeMap<Address, LeaseEarnings> = BTreeMap::new();
        let mut earnings = Earnings::default();
        for entry in &self.entries {
            let Some(settled) = Settlement::of(&entry.event) else { continue };
            let before = metered_before.insert(settled.lease, settled.metered).unwrap_or(Seconds::ZERO);
            if !self.range.contains(&settled.at) {
                continue;
            }
            let takings = Takings { seconds: settled.metered.saturating_minus(before), ..settled.takings };
            let lease = leases.entry(settled.lease).or_insert(LeaseEarnings {
                lease: settled.lease,
                job: entry.job,
                at: settled.at,
                outcome: None,
                takings: Takings::default(),
            });
            lease.at = settled.at;
            lease.outcome = settled.outcome;
            lease.takings.add(&takings);
            earnings.days.entry(settled.at.0 / 86_400).or_default().add(&takings);
            earnings.total.add(&takings);
        }
        earnings.leases = leases.into_values().collect();
        earnings.leases.sort_by_key(|lease| (lease.at, lease.lease));
        earnings
    }
}

/// What both ways of settling have in common.
struct Settlement {
    lease: Address,
    at: UnixSeconds,
    /// Since the lease was opened.
    metered: Seconds,
    outcome: Option<LeaseOutcome>,
    /// Without its seconds.
    takings: Takings,
}

impl Settlement {
    fn of(event: &JobEvent) -> Option<Self> {
        match *event {
            JobEvent::Settled { lease, at, metered, outcome, payment, fee, compensation, .. } => Some(Self {
                lease,
                at,
                metered,
                outcome,
                takings: Takings { gross: payment, fee, penalties: compensation, ..Takings::default() },
            }),
            JobEvent::LeaseSettled {
                lease,
                at,
                metered,
                outcome,
                payment,
                fee,
                compensation,
                challenger_forfeit: forfeits,
                ..
            } => Some(Self {
                lease,
                at,
                metered,
                outcome: Some(outcome),
                takings: Takings { gross: payment, fee, forfeits, penalties: compensation, ..Takings::default() },
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
