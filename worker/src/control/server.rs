use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::{Ask, Asked, Place, Refused};
use crate::context::Context;
use crate::status::Status;

/// How long a question may take to come, and an answer to leave.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest question.
const QUESTION_BYTES: u64 = 4_096;
/// Questions at the same time; further ones wait.
const AT_ONCE: usize = 8;

/// What a worker has once it is at work.
type AtWork = Arc<OnceLock<Arc<Context>>>;

/// The worker's end. The socket goes with it.
pub(crate) struct Server {
    listener: UnixListener,
    place: Place,
    asked: UnboundedSender<Asked>,
    at_work: AtWork,
}

impl Server {
    /// Listens in the data folder, which no other worker uses.
    ///
    /// # Errors
    /// Those of the file system, such as one that knows no sockets.
    pub fn bind(data_dir: &Path, asked: UnboundedSender<Asked>, at_work: AtWork) -> io::Result<Self> {
        let place = Place::of(data_dir)?;
        // Left by a worker that was killed.
        match std::fs::remove_file(place.path()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(place.path())?;
        std::fs::set_permissions(place.path(), Permissions::from_mode(0o600))?;
        Ok(Self { listener, place, asked, at_work })
    }

    /// Answers until the worker stops.
    pub async fn run(self) {
        let turns = Arc::new(Semaphore::new(AT_ONCE));
        while let Ok(turn) = turns.clone().acquire_owned().await {
            let stream = match self.listener.accept().await {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a question to the worker is lost");
                    tokio::time::sleep(PATIENCE).await;
                    continue;
                }
            };
            let (asked, at_work) = (self.asked.clone(), self.at_work.clone());
            tokio::spawn(async move {
                let _ = timeout(PATIENCE, converse(stream, &asked, &at_work)).await;
                drop(turn);
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.place.path());
    }
}

async fn converse(stream: UnixStream, asked: &UnboundedSender<Asked>, at_work: &AtWork) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut question = Vec::new();
    (&mut stream).take(QUESTION_BYTES).read_until(b'\n', &mut question).await?;
    let answer = match serde_json::from_slice(&question) {
        Ok(ask) => reply(ask, asked, at_work).await.map_err(|error| error.to_string()),
        Err(error) => Err(format!("the question is not understood: {error}")),
    };
    let mut line = match answer {
        Ok(status) => serde_json::to_vec(&status)?,
        Err(error) => serde_json::to_vec(&Refused { error })?,
    };
    line.push(b'\n');
    stream.get_mut().write_all(&line).await
}

async fn reply(ask: Ask, asked: &UnboundedSender<Asked>, at_work: &AtWork) -> io::Result<Status> {
    let status = told(ask, asked).await?;
    match at_work.get() {
        Some(context) => with_storage(status, context.clone()).await,
        None => Ok(status),
    }
}

/// The answer to one question of a worker that is at work.
pub(crate) async fn answer(ask: Ask, asked: &UnboundedSender<Asked>, context: Arc<Context>) -> io::Result<Status> {
    with_storage(told(ask, asked).await?, context).await
}

async fn told(ask: Ask, asked: &UnboundedSender<Asked>) -> io::Result<Status> {
    let (answer, answered) = oneshot::channel();
    let stopped = |_| io::Error::from(io::ErrorKind::NotConnected);
    asked.send(Asked { ask, answer }).map_err(|_| io::Error::from(io::ErrorKind::NotConnected))?;
    answered.await.map_err(stopped)?
}

async fn with_storage(mut status: Status, context: Arc<Context>) -> io::Result<Status> {
    // Reading folders takes a while, and the worker's loop has none.
    let storage = tokio::task::spawn_blocking(move || context.storage()).await;
    status.storage = storage.map_err(io::Error::other)?;
    Ok(status)
}
