use std::io;
use std::path::Path;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::{Ask, Error, Place, Refused};
use crate::status::Status;

/// How long a worker has for an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// A rig with a thousand tasks says less.
const ANSWER_BYTES: u64 = 16 * 1_048_576;

/// Asks the worker that runs on a data folder.
///
/// # Errors
/// [`Error`].
pub async fn ask(data_dir: &Path, ask: Ask) -> Result<Status, Error> {
    let data_dir = data_dir.to_owned();
    let answer = match timeout(PATIENCE, exchange(&data_dir, ask)).await {
        Err(_) => return Err(Error::Silent { data_dir }),
        Ok(Err(error)) => {
            return Err(match error.kind() {
                io::ErrorKind::PermissionDenied => Error::NotAllowed { data_dir, source: error },
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => {
                    Error::NotRunning { data_dir }
                }
                _ => Error::Silent { data_dir },
            });
        }
        Ok(Ok(answer)) => answer,
    };
    if let Ok(status) = serde_json::from_slice(&answer) {
        return Ok(status);
    }
    match serde_json::from_slice::<Refused>(&answer) {
        Ok(refused) => Err(Error::Refused { reason: refused.error }),
        // It was stopped meanwhile.
        Err(_) if answer.is_empty() => Err(Error::NotRunning { data_dir }),
        Err(_) => Err(Error::Foreign { data_dir }),
    }
}

async fn exchange(data_dir: &Path, ask: Ask) -> io::Result<Vec<u8>> {
    let place = Place::of(data_dir)?;
    let mut stream = UnixStream::connect(place.path()).await?;
    let mut question = serde_json::to_vec(&ask)?;
    question.push(b'\n');
    stream.write_all(&question).await?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES).read_to_end(&mut answer).await?;
    Ok(answer)
}
