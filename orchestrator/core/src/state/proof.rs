use millrace_protocol::{Address, Hardware, UnixSeconds};
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

use crate::agenda::Due;
use crate::evidence::Evidence;
use crate::record::ProofRecord;
use crate::state::job::Crank;
use crate::state::task::Cause;

/// What a node has shown of its GPUs, and what it is being asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// As its worker names them now; none where it answers no challenges.
    pub announced: Option<Vec<String>>,
    pub shown: Option<Shown>,
    /// The GPUs that it has shown since it was added, the latest last.
    pub history: Vec<SeenGpu>,
    /// The last challenge was answered wrong, or not in time.
    pub refused: Option<Refused>,
    /// What stands on chain of an earlier challenge counts no more.
    pub(crate) withdrawn: bool,
    /// The challenge that is with the worker, and since which milliseconds.
    pub(crate) asked: Option<(u64, u64)>,
    /// Milliseconds before which it is not asked.
    pub(crate) again_at: u64,
    /// A lease has been on the node since it was shown.
    pub(crate) used: bool,
    pub(crate) crank: Crank,
    pub(crate) due: Due,
}

/// A challenge that was answered as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shown {
    pub evidence: Evidence,
    /// What the node's account said, and whose key answered: of others it shows nothing.
    pub hardware: Hardware,
    pub key: Address,
    pub since: UnixSeconds,
    pub until: UnixSeconds,
}

/// A GPU that a node has shown: who swaps GPUs may, and others can see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenGpu {
    pub gpu: String,
    pub first: UnixSeconds,
    pub last: UnixSeconds,
}

/// GPUs that are remembered of a node; as many as the most that one rig may have, four times over.
const MOST_SEEN: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    pub cause: Cause,
    pub at: UnixSeconds,
    /// Milliseconds since 1970 before which it is not asked again.
    pub again_at: u64,
    /// How often in a row.
    pub times: u32,
}

impl Default for Proof {
    fn default() -> Self {
        Self {
            announced: None,
            shown: None,
            history: Vec::new(),
            refused: None,
            withdrawn: false,
            asked: None,
            again_at: 0,
            used: false,
            crank: Crank::default(),
            due: Due::NEVER,
        }
    }
}

impl Proof {
    pub(crate) fn from_record(record: ProofRecord) -> Self {
        let again_at = record.refused.as_ref().map_or(0, |refused| refused.again_at);
        let ProofRecord { shown, refused, withdrawn, history, .. } = record;
        // What ran before the restart is not known: it is asked again a little sooner.
        Self { used: shown.is_some(), shown, history, refused, withdrawn, again_at, ..Self::default() }
    }

    /// Notes the GPUs that it shows now. Those that were seen last longest ago are forgotten first.
    pub(crate) fn note_seen(&mut self, now: UnixSeconds) {
        for gpu in self.shown.iter().flat_map(Shown::gpus) {
            let known = self.history.iter().position(|seen| seen.gpu == gpu);
            let first = known.map_or(now, |known| self.history.remove(known).first);
            self.history.push(SeenGpu { gpu: gpu.to_owned(), first, last: now });
        }
        let too_many = self.history.len().saturating_sub(MOST_SEEN);
        self.history.drain(..too_many);
    }

    /// What real GPUs show at this time.
    pub fn standing(&self, now: UnixSeconds) -> Option<&Shown> {
        self.shown.as_ref().filter(|shown| !shown.evidence.simulated && now < shown.until)
    }

    /// Whether a challenge is with the worker.
    pub fn is_asked(&self) -> bool {
        self.asked.is_some()
    }
}

impl Shown {
    /// UUIDs of the GPUs that exist.
    pub(crate) fn gpus(&self) -> impl Iterator<Item = &str> {
        let real = self.evidence.gpus.iter().filter(|_| !self.evidence.simulated);
        real.map(|gpu| gpu.gpu.as_str())
    }

    pub(crate) fn driver(&self) -> Sha256 {
        self.evidence.driver
    }
}
