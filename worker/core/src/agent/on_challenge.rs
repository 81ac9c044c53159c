use millrace_protocol::{Diagnostic, UnixSeconds};
use thiserror::Error;

use crate::{Action, Agent, GpuFault, Report};

/// A GPU challenge that the rig is at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Challenge {
    number: u64,
    /// Nobody waits for an answer after this.
    until: UnixSeconds,
    /// It was given up, and what works on it is not gone yet.
    leaving: bool,
}

/// Why a rig does not answer a challenge, or not to its end. Whoever asked asks again later.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum ChallengeRefusal {
    #[error("the rig works on a job")]
    Busy,
    #[error("the rig is at another challenge")]
    UnderWay,
    #[error("GPU {gpu} of the rig is out of order: {fault}")]
    GpuFaulty { gpu: u16, fault: GpuFault },
    #[error("a job came while the rig was at it")]
    JobCame,
    #[error("the rig was not done in time")]
    TimeUp,
}

impl Diagnostic for ChallengeRefusal {
    fn code(&self) -> &'static str {
        match self {
            Self::Busy | Self::JobCame => "challenge-rig-busy",
            Self::UnderWay => "challenge-under-way",
            Self::GpuFaulty { .. } => "gpu-faulty",
            Self::TimeUp => "challenge-time-up",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Busy | Self::JobCame | Self::UnderWay => "nothing to do: the rig is asked again when it is idle",
            Self::GpuFaulty { .. } => "look at the GPU and restart the worker",
            Self::TimeUp => "free the GPU of other work",
        }
        .to_owned()
    }
}

impl Agent {
    /// A rig shows its GPUs while it has nothing better to do, and one challenge at a time: two would share the
    /// GPU's memory.
    pub(super) fn on_challenge_asked(&mut self, number: u64, until: UnixSeconds, actions: &mut Vec<Action>) {
        let fault = self.faulty_gpus().next();
        let reason = match (&self.challenge, self.live_leases().next(), fault) {
            (Some(_), ..) => Some(ChallengeRefusal::UnderWay),
            (None, Some(_), _) => Some(ChallengeRefusal::Busy),
            (None, None, Some((gpu, fault))) => Some(ChallengeRefusal::GpuFaulty { gpu, fault }),
            (None, None, None) => None,
        };
        match reason {
            Some(reason) => actions.push(Action::Report(Report::ChallengeDeclined { number, reason })),
            None => {
                self.challenge = Some(Challenge { number, until, leaving: false });
                actions.push(Action::AnswerChallenge(number));
            }
        }
    }

    /// Whatever worked on it is gone, and the GPUs are free.
    pub(super) fn on_challenge_ended(&mut self, number: u64) {
        self.challenge = self.challenge.filter(|challenge| challenge.number != number);
    }

    pub(super) fn give_up_challenge(&mut self, reason: ChallengeRefusal, actions: &mut Vec<Action>) {
        if let Some(challenge) = self.challenge.as_mut().filter(|challenge| !challenge.leaving) {
            challenge.leaving = true;
            let number = challenge.number;
            actions.push(Action::GiveUpChallenge(number));
            actions.push(Action::Report(Report::ChallengeDeclined { number, reason }));
        }
    }

    pub(super) fn end_overdue_challenge(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        if self.challenge.is_some_and(|challenge| now >= challenge.until) {
            self.give_up_challenge(ChallengeRefusal::TimeUp, actions);
        }
    }
}
