use std::collections::BTreeMap;

use millrace_agent::TaskKey;
use millrace_link::grpc::{LogChunk, WorkerMessage, worker_message::Body};
use millrace_protocol::Address;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::folders::Folders;

/// Bytes of one message.
const CHUNK: usize = 64 * 1024;
/// Bytes of one task that may be on their way.
const WINDOW: u64 = 512 * 1024;

/// What the shipper hears.
#[derive(Debug)]
pub(crate) enum Shipment {
    /// There is a log, or more of it.
    Grown {
        key: TaskKey,
        job: Address,
    },
    /// The orchestrator has everything before this offset.
    Stored {
        key: TaskKey,
        offset: u64,
    },
    /// A fresh connection: what was on its way is not any more.
    Connected(UnboundedSender<WorkerMessage>),
    Disconnected,
    /// The task is booked: the log goes away once it is stored.
    Finished(TaskKey),
    /// All tasks of the lease are over.
    LeaseClosed(Address),
}

struct Log {
    job: Address,
    stored: u64,
    sent: u64,
    finished: bool,
}

/// Sends logs until the sender of `shipments` is gone.
pub(crate) async fn ship(folders: Folders, mut shipments: UnboundedReceiver<Shipment>) {
    let mut logs: BTreeMap<TaskKey, Log> = BTreeMap::new();
    let mut link: Option<UnboundedSender<WorkerMessage>> = None;
    let mut ahead = None;
    loop {
        let next = match ahead.take() {
            None => shipments.recv().await,
            known => known,
        };
        let Some(shipment) = next else { return };
        match shipment {
            Shipment::Grown { key, job } => {
                logs.entry(key).or_insert(Log { job, stored: 0, sent: 0, finished: false });
                // A log that grows faster than it is read says so again and again.
                ahead = shipments.try_recv().ok();
                if let Some(Shipment::Grown { .. }) = ahead {
                    continue;
                }
            }
            Shipment::Stored { key, offset } => {
                if let Some(log) = logs.get_mut(&key) {
                    log.stored = log.stored.max(offset);
                    log.sent = log.sent.max(log.stored);
                }
            }
            Shipment::Connected(fresh) => {
                link = Some(fresh);
                logs.values_mut().for_each(|log| log.sent = log.stored);
            }
            Shipment::Disconnected => link = None,
            Shipment::Finished(key) => {
                if let Some(log) = logs.get_mut(&key) {
                    log.finished = true;
                }
            }
            Shipment::LeaseClosed(lease) => {
                let of_lease = logs.iter_mut().filter(|(key, _)| key.lease == lease);
                of_lease.for_each(|(_, log)| log.finished = true);
            }
        }
        if let Some(link) = &link {
            for (key, log) in &mut logs {
                if let Err(error) = send(&folders, *key, log, link).await {
                    tracing::warn!(task = %key, %error, "a log cannot be read");
                }
            }
        }
        logs.retain(|key, log| {
            let length = std::fs::metadata(folders.log(*key)).map_or(0, |metadata| metadata.len());
            let over = log.finished && log.stored >= length;
            if over {
                discard(&folders, *key);
            }
            !over
        });
    }
}

fn discard(folders: &Folders, key: TaskKey) {
    if let Err(error) = folders.remove_log(key) {
        tracing::warn!(task = %key, %error, "a log cannot be removed");
    }
}

async fn send(
    folders: &Folders,
    key: TaskKey,
    log: &mut Log,
    link: &UnboundedSender<WorkerMessage>,
) -> std::io::Result<()> {
    if log.sent >= log.stored.saturating_add(WINDOW) {
        return Ok(());
    }
    let mut file = match tokio::fs::File::open(folders.log(key)).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    file.seek(std::io::SeekFrom::Start(log.sent)).await?;
    while log.sent < log.stored.saturating_add(WINDOW) {
        let mut data = vec![0; CHUNK];
        let read = file.read(&mut data).await?;
        if read == 0 {
            break;
        }
        data.truncate(read);
        let chunk = LogChunk {
            lease: key.lease.0.to_vec(),
            job: log.job.0.to_vec(),
            index: key.task,
            attempt: key.attempt,
            offset: log.sent,
            data,
        };
        log.sent += read as u64;
        // A link that is closing is followed by `Disconnected`.
        let _ = link.send(WorkerMessage { body: Some(Body::LogChunk(chunk)) });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc::unbounded_channel;

    use super::*;

    fn key() -> TaskKey {
        TaskKey { lease: Address([1; 32]), task: 0, attempt: 1 }
    }

    fn chunks(link: &mut UnboundedReceiver<WorkerMessage>) -> Vec<(u64, usize)> {
        std::iter::from_fn(|| link.try_recv().ok())
            .map(|message| match message.body {
                Some(Body::LogChunk(chunk)) => (chunk.offset, chunk.data.len()),
                other => panic!("{other:?}"),
            })
            .collect()
    }

    #[tokio::test]
    async fn logs_are_resumed_where_the_orchestrator_has_them() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        std::fs::write(folders.log(key()), vec![b'x'; 100]).unwrap();
        let (send, shipments) = unbounded_channel();
        let shipper = tokio::spawn(ship(folders.clone(), shipments));
        let (first, mut first_link) = unbounded_channel();
        send.send(Shipment::Grown { key: key(), job: Address([2; 32]) }).unwrap();
        send.send(Shipment::Connected(first)).unwrap();
        send.send(Shipment::Stored { key: key(), offset: 40 }).unwrap();
        let (second, mut second_link) = unbounded_channel();
        send.send(Shipment::Connected(second)).unwrap();
        send.send(Shipment::Finished(key())).unwrap();
        send.send(Shipment::Stored { key: key(), offset: 100 }).unwrap();
        drop(send);
        shipper.await.unwrap();
        assert_eq!(chunks(&mut first_link), [(0, 100)]);
        assert_eq!(chunks(&mut second_link), [(40, 60)]);
        assert!(!folders.log(key()).exists(), "stored and booked");
    }

    #[tokio::test]
    async fn only_a_window_is_on_its_way() {
        let folder = tempfile::tempdir().unwrap();
        let folders = Folders::create(folder.path()).unwrap();
        std::fs::write(folders.log(key()), vec![b'x'; 1_000_000]).unwrap();
        let (send, shipments) = unbounded_channel();
        let (out, mut link) = unbounded_channel();
        send.send(Shipment::Connected(out)).unwrap();
        send.send(Shipment::Grown { key: key(), job: Address([2; 32]) }).unwrap();
        send.send(Shipment::Grown { key: key(), job: Address([2; 32]) }).unwrap();
        drop(send);
        ship(folders.clone(), shipments).await;
        let sent: usize = chunks(&mut link).iter().map(|(_, length)| length).sum();
        assert_eq!(sent as u64, WINDOW);
        assert!(folders.log(key()).exists());
    }
}
