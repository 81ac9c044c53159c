//! Broken on purpose: each of these breaks one rule that the witness holds, and a test sees that it says so.
//! No seed draws any of them.

use crate::simulation::Simulation;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// Closing a job pays nothing back.
    RefundVanishes,
    /// The chain pays a second more than a final voucher says.
    OneSecondTooMuch,
    /// Whatever is handed out goes to a second lease of the job as well.
    TaskRunsTwice,
    /// An attempt is handed out once more, to another lease.
    AttemptIsHandedOutTwice,
    /// What a worker says it did is believed without its outputs.
    OutputsAreNotChecked,
    /// Finished tasks are not written to the disk.
    DoneIsNotWritten,
    /// Vouchers are sent and not written.
    VouchersAreNotWritten,
    /// Each voucher is sent a second time, with one second of downtime more under the same number.
    VouchersAreForked,
    /// The chain does not look at signatures.
    ForgeriesLand,
    /// Nobody expires what is past its deadline.
    NobodyCranks,
    /// Nobody closes what is over.
    NobodyCloses,
    /// No reason is given for any wait.
    NobodyExplains,
    /// Whatever a rig answers to a challenge is believed.
    AnswersAreNotVerified,
    /// What nodes have shown is not written to the disk.
    ProofsAreNotWritten,
    /// Whatever answers a challenge goes on when a job comes.
    ProversStay,
    /// A worker does not remove what has run.
    ContainersStay,
}

impl Simulation {
    pub fn is_sabotaged(&self, by: Sabotage) -> bool {
        self.scenario.sabotage == Some(by)
    }
}
