//! What a worker says that makes somebody look at objects is taken in beside its stream: a slow disk must not hold up its
//! heartbeats, or it is taken for lost. One thing after the other, as it was said: no round overtakes a newer one, and no
//! task or lease ends before what was brought away of it is known.

use std::convert::Infallible;

use millrace_protocol::Address;
use millrace_scheduler::{Cause, Event, Fault, TaskProgress};
use tokio::sync::mpsc;
use tonic::Status;

use super::Context;
use super::rounds::{self, Told};
use super::stream::deliver;
use crate::driver::Input;
use crate::objects;

/// What may wait for what was said before it. A worker that says more waits with everything else it has to say.
const WAITING: usize = 64;
/// From how many on nothing waits that comes again, in a newer form, with the next round.
const CROWDED: usize = WAITING / 2;

pub(super) enum Said {
    /// Something was brought away of a task.
    Round(Told),
    /// Whatever must not come before that.
    Event(Box<Event>),
}

/// The stream's end.
pub(super) struct Saying(mpsc::Sender<Said>);

pub(super) fn channel() -> (Saying, mpsc::Receiver<Said>) {
    let (sender, said) = mpsc::channel(WAITING);
    (Saying(sender), said)
}

impl Saying {
    /// # Errors
    /// When nobody listens any more.
    pub async fn say(&self, said: Said) -> Result<(), Status> {
        self.0.send(said).await.map_err(|_| Status::unavailable("this stream has ended"))
    }

    pub fn say_if_there_is_room(&self, node: Address, told: Told) {
        if self.0.capacity() <= CROWDED || self.0.try_send(Said::Round(told)).is_err() {
            tracing::warn!(%node, "a round is not looked at: those before it still are");
        }
    }
}

/// Runs as long as its stream.
pub(super) async fn look_into(
    context: &Context,
    node: Address,
    session: u64,
    mut said: mpsc::Receiver<Said>,
) -> Result<Infallible, Status> {
    while let Some(said) = said.recv().await {
        let event = match said {
            Said::Round(told) => rounds::arrived(context, node, told).await,
            Said::Event(event) => arrived(context, *event).await,
        };
        if let Some(event) = event {
            deliver(context, Input::FromWorker { node, session, event }).await?;
        }
    }
    Err(Status::unavailable("this stream has ended"))
}

/// A task is done when its outputs are here, not when its worker says so. None while the store cannot
/// tell: the worker repeats itself until it is answered.
async fn arrived(context: &Context, event: Event) -> Option<Event> {
    let Event::TaskUpdate { node, lease, task, attempt, progress: TaskProgress::Done { outputs } } = event else {
        return Some(event);
    };
    for output in &outputs {
        match context.objects.claim(output.object.sha256).await {
            Ok(size) if size == output.object.size => {}
            Ok(_) | Err(objects::Error::NotFound(_)) => {
                let cause = Cause {
                    code: "output-missing".to_owned(),
                    message: format!("{} was reported as done and never uploaded", output.path),
                    hint: "nothing to do: the task goes to another node".to_owned(),
                };
                let progress = TaskProgress::Failed { fault: Fault::Node, exit_code: None, cause };
                return Some(Event::TaskUpdate { node, lease, task, attempt, progress });
            }
            Err(error) => {
                tracing::warn!(%node, task, %error, "outputs cannot be looked for");
                return None;
            }
        }
    }
    Some(Event::TaskUpdate { node, lease, task, attempt, progress: TaskProgress::Done { outputs } })
}

#[cfg(test)]
mod tests {
    use millrace_link::grpc;

    use super::*;

    fn round() -> Told {
        let checkpoint = grpc::Checkpoint { manifest: vec![1; 32], ..Default::default() };
        let saved = grpc::CheckpointSaved { lease: vec![2; 32], checkpoint: Some(checkpoint), ..Default::default() };
        rounds::checkpoint(&saved).unwrap()
    }

    #[tokio::test]
    async fn many_rounds_keep_no_task_from_ending() {
        let (node, (saying, mut said)) = (Address([3; 32]), channel());
        for _ in 0..WAITING {
            saying.say_if_there_is_room(node, round());
        }
        for _ in CROWDED..WAITING {
            saying.say(Said::Event(Event::Tick.into())).await.unwrap();
        }
        let mut rounds = 0;
        while let Ok(Said::Round(_)) = said.try_recv() {
            rounds += 1;
        }
        assert_eq!(rounds, WAITING - CROWDED);
        while said.try_recv().is_ok() {}
        saying.say_if_there_is_room(node, round());
        assert!(matches!(said.try_recv(), Ok(Said::Round(_))), "there is room again");
    }
}
