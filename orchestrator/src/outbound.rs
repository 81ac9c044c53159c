//! What waits to be sent to a worker: so many messages, and so many bytes of them.

use std::sync::Arc;

use futures_util::Stream;
use millrace_link::frames::Message;
use millrace_link::grpc::OrchestratorMessage;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Messages that may wait for a slow worker before it is cut off.
const MESSAGES: usize = 4_096;
/// Bytes that may: a task brings its spec along, of 4 MiB at most, and a rig takes few tasks at once.
const BYTES: u32 = 64 * 1024 * 1024;

type Said = Result<OrchestratorMessage, Status>;

/// The worker's stream has ended, or does not keep up.
#[derive(Debug)]
pub(crate) struct Lost;

/// The way to one worker's stream. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Outbound {
    sender: mpsc::Sender<(Said, Option<OwnedSemaphorePermit>)>,
    /// In bytes.
    room: Arc<Semaphore>,
}

impl Outbound {
    /// And what goes out, in order.
    pub fn queue() -> (Self, impl Stream<Item = Said> + Send + 'static) {
        let (sender, queue) = mpsc::channel(MESSAGES);
        let room = Arc::new(Semaphore::new(BYTES as usize));
        // What was taken from the queue is the transport's, which takes as much as the worker reads.
        (Self { sender, room }, ReceiverStream::new(queue).map(|(said, _waited)| said))
    }

    /// Bytes that wait.
    pub fn waiting(&self) -> usize {
        (BYTES as usize).saturating_sub(self.room.available_permits())
    }

    /// # Errors
    /// [`Lost`], also where there is no room.
    pub fn try_send(&self, said: Said) -> Result<(), Lost> {
        let room = match size(&said) {
            0 => None,
            bytes => Some(self.room.clone().try_acquire_many_owned(bytes).map_err(|_| Lost)?),
        };
        self.sender.try_send((said, room)).map_err(|_| Lost)
    }

    /// Waits for room.
    ///
    /// # Errors
    /// [`Lost`].
    pub async fn send(&self, said: Said) -> Result<(), Lost> {
        let room = match size(&said) {
            0 => None,
            bytes => {
                let room = self.room.clone().acquire_many_owned(bytes);
                tokio::select! {
                    room = room => Some(room.map_err(|_| Lost)?),
                    // Nobody makes room any more.
                    () = self.sender.closed() => return Err(Lost),
                }
            }
        };
        self.sender.send((said, room)).await.map_err(|_| Lost)
    }
}

/// In bytes, and never more than there can ever be room for.
fn size(said: &Said) -> u32 {
    let bytes = said.as_ref().map_or(0, Message::encoded_len);
    u32::try_from(bytes).unwrap_or(u32::MAX).min(BYTES)
}

#[cfg(test)]
mod tests {
    use millrace_link::grpc::Sealed;
    use millrace_link::grpc::orchestrator_message::Body;

    use super::*;

    fn envelope() -> Said {
        let envelope = vec![7; 1024 * 1024];
        Ok(OrchestratorMessage { body: Some(Body::Sealed(Sealed { lease: vec![1; 32], envelope })) })
    }

    #[tokio::test]
    async fn a_worker_that_reads_nothing_is_owed_so_many_bytes_and_no_more() {
        let (outbound, queue) = Outbound::queue();
        let mut queue = std::pin::pin!(queue);
        let taken = (0..100).take_while(|_| outbound.try_send(envelope()).is_ok()).count();
        assert_eq!(taken, 63, "each is a little more than 1 MiB");
        assert!(outbound.waiting() > 63 * 1024 * 1024);
        assert!(outbound.try_send(Err(Status::unavailable("the last word"))).is_ok(), "which takes no room");
        assert!(queue.next().await.unwrap().is_ok());
        assert!(outbound.try_send(envelope()).is_ok(), "what was read makes room");
    }

    #[tokio::test]
    async fn who_waits_for_room_hears_that_the_stream_has_ended() {
        let (outbound, queue) = Outbound::queue();
        while outbound.try_send(envelope()).is_ok() {}
        drop(queue);
        assert!(outbound.send(envelope()).await.is_err());
    }
}
