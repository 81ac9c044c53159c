use millrace_protocol::{Address, UnixSeconds};
use millrace_spec::{Sha256, sha256};
use serde::{Deserialize, Serialize};

use crate::state::task::{Cause, Output, TaskPhase};

/// A task's second run, elsewhere, that its result is compared with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    pub state: CheckState,
    /// Number of the last hand-out. The task's own attempts never have it.
    pub attempt: u32,
    /// Lease of the last hand-out.
    pub lease: Option<Address>,
    /// Runs that ended without a result by their container's doing.
    pub failures: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CheckState {
    Waiting,
    Running {
        lease: Address,
        phase: TaskPhase,
    },
    /// Both results are the same.
    Equal {
        lease: Address,
    },
    /// They are not; the job's findings say more.
    Different {
        lease: Address,
    },
    /// Nothing was compared.
    Lapsed(Lapse),
}

/// Why a drawn task was not compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lapse {
    /// The time in which the first result could be disputed was over before a second one was there.
    WindowOver,
    /// The first lease was settled before: its buyer accepted it, or a dispute of the buyer's was decided.
    Settled,
    /// The task's container failed elsewhere as often as it may.
    NoSecondResult,
    /// The job ended first.
    JobOver,
}

impl Check {
    pub(crate) const NEW: Self = Self { state: CheckState::Waiting, attempt: 0, lease: None, failures: 0 };

    /// The lease that runs it now.
    pub fn running_on(&self) -> Option<Address> {
        match self.state {
            CheckState::Running { lease, .. } => Some(lease),
            _ => None,
        }
    }

    /// Whether it is still to be run.
    pub fn is_open(&self) -> bool {
        matches!(self.state, CheckState::Waiting | CheckState::Running { .. })
    }
}

/// Two results of one task that are not the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub task: u32,
    /// The result that the job goes by, and its lease, which is disputed.
    pub first: Run,
    pub second: Run,
    pub found_at: UnixSeconds,
    /// Of the job's attempts so many had failed by then: a ruling for the buyer adds one.
    pub attempts_failed: u16,
    /// Names the evidence of the dispute about the first lease, once one was to be opened: of all findings about
    /// that lease with the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Sha256>,
    /// Base58 signature of the transaction that opened the dispute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dispute: Option<String>,
    /// Why the dispute could not be opened, the last time it was tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<Cause>,
}

/// What a task made under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub lease: Address,
    /// Merkle root over the outputs.
    pub root: Sha256,
    pub outputs: Vec<Output>,
}

/// SHA-256 of `"millrace spot check evidence v1" ‖ job ‖ first lease` and of each finding about that lease, by
/// task: `task ‖ first root ‖ second lease ‖ second root`. The task has 4 bytes, lowest first.
pub fn evidence_digest<'a>(job: Address, lease: Address, findings: impl Iterator<Item = &'a Finding>) -> Sha256 {
    let mut findings: Vec<&Finding> = findings.collect();
    findings.sort_by_key(|finding| finding.task);
    let mut bytes = b"millrace spot check evidence v1".to_vec();
    bytes.extend(job.0);
    bytes.extend(lease.0);
    for finding in findings {
        bytes.extend(finding.task.to_le_bytes());
        bytes.extend(finding.first.root.0);
        bytes.extend(finding.second.lease.0);
        bytes.extend(finding.second.root.0);
    }
    sha256(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_the_evidence_changes_its_digest() {
        let run = |lease: u8| Run { lease: Address([lease; 32]), root: Sha256([lease; 32]), outputs: Vec::new() };
        let finding = |task| Finding {
            task,
            first: run(1),
            second: run(2),
            found_at: UnixSeconds(9),
            attempts_failed: 0,
            evidence: None,
            dispute: None,
            trouble: None,
        };
        let (job, lease) = (Address([7; 32]), Address([1; 32]));
        let (one, other) = (finding(3), finding(4));
        let good = evidence_digest(job, lease, [&one, &other].into_iter());
        assert_eq!(evidence_digest(job, lease, [&other, &one].into_iter()), good, "whichever was found first");
        let with = |change: fn(&mut Finding)| {
            let mut changed = one.clone();
            change(&mut changed);
            evidence_digest(job, lease, [&changed, &other].into_iter())
        };
        let others = [
            evidence_digest(lease, lease, [&one, &other].into_iter()),
            evidence_digest(job, job, [&one, &other].into_iter()),
            evidence_digest(job, lease, [&one].into_iter()),
            with(|finding| finding.task = 2),
            with(|finding| finding.first.root.0[0] = 0),
            with(|finding| finding.second.lease.0[0] = 0),
            with(|finding| finding.second.root.0[0] = 0),
        ];
        assert!(others.iter().all(|digest| *digest != good));
    }
}
