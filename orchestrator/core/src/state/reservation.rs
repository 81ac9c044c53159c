use std::collections::BTreeMap;

use millrace_protocol::{Address, GpuUnits, MicroUsdc};
use serde::{Deserialize, Serialize};

use crate::market::Candidate;
use crate::state::job::Crank;

/// A node kept for a job at the posted price until the spot leases that make room for it have ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    pub chosen: Candidate,
    pub provider: Address,
    pub units: GpuUnits,
    /// What the job's lease will lock of the provider's stake.
    pub bond: MicroUsdc,
    /// Spot leases that have to end first, and how far it is to tell them. What is under way dies with the
    /// process; the chain refuses a second notice.
    #[serde(with = "addresses")]
    pub(crate) leaving: BTreeMap<Address, Crank>,
}

impl Reservation {
    /// Spot leases that make room.
    pub fn leaving(&self) -> impl Iterator<Item = Address> {
        self.leaving.keys().copied()
    }
}

mod addresses {
    use std::collections::BTreeMap;

    use millrace_protocol::Address;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::state::job::Crank;

    pub fn serialize<S: Serializer>(leaving: &BTreeMap<Address, Crank>, serializer: S) -> Result<S::Ok, S::Error> {
        leaving.keys().collect::<Vec<_>>().serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<Address, Crank>, D::Error> {
        let leases = Vec::<Address>::deserialize(deserializer)?;
        Ok(leases.into_iter().map(|lease| (lease, Crank::default())).collect())
    }
}
