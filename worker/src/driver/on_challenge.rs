use millrace_agent::Event;
use millrace_link::grpc::{GpuChallenge, GpuRefusal};
use millrace_protocol::UnixSeconds;

use super::Driver;
use crate::challenge::ChallengeEvent;
use crate::{Error, messages};

impl Driver {
    /// A challenge, if it can be one of this rig's.
    pub(super) fn challenge_asked(&mut self, challenge: GpuChallenge) -> Option<Event> {
        let asked = challenge.number;
        let Some((number, lasts)) = self.challenges.ask(challenge) else {
            let cause = "the challenge is not about GPUs that this rig has announced".to_owned();
            self.send(messages::message(messages::declined(asked, "challenge-not-ours", cause)));
            return None;
        };
        let until = self.clock.now().after(lasts).unwrap_or(UnixSeconds::MAX);
        Some(Event::ChallengeAsked { number, until })
    }

    /// The network does not believe the rig's GPUs: its owner reads why.
    pub(super) fn challenge_refused(&self, refusal: GpuRefusal) {
        let GpuRefusal { code, cause, hint } = refusal;
        tracing::warn!(code, cause, hint, "the network refused what the rig's GPUs showed");
        self.context.troubles.note_words(&code, cause, hint, self.clock.now());
    }

    pub(super) async fn on_challenge_event(&mut self, event: ChallengeEvent) -> Result<(), Error> {
        match event {
            ChallengeEvent::Say(message) => self.send(message),
            ChallengeEvent::Failed { number, reason } => {
                tracing::warn!(number, code = reason.code, cause = reason.cause, "a GPU cannot answer a challenge");
                let hint = "look at `millrace worker doctor`; without an answer the node is not attested".to_owned();
                self.context.troubles.note_words(&reason.code, reason.cause.clone(), hint, self.clock.now());
                // The rest of the rig cannot make it good.
                self.challenges.stop(number);
                self.send(messages::message(messages::declined(number, &reason.code, reason.cause)));
            }
            ChallengeEvent::Gone => {
                if let Some(number) = self.challenges.gone() {
                    self.feed(Event::ChallengeEnded(number)).await?;
                }
            }
        }
        Ok(())
    }
}
