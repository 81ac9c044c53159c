use std::path::{Path, PathBuf};

use tempfile::TempDir;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::{JoinHandle, JoinSet};

/// Docker's own socket.
const DOCKER: &str = "/var/run/docker.sock";

/// A socket that leads to Docker, until it is closed: then Docker is away for whoever uses it, and for nobody else.
pub struct Relay {
    folder: TempDir,
    passing_on: Option<JoinHandle<()>>,
}

impl Relay {
    /// `None` where Docker has no socket there; says loudly so.
    pub fn open() -> Option<Self> {
        if !Path::new(DOCKER).exists() {
            eprintln!("SKIPPED: there is no {DOCKER} here");
            return None;
        }
        let mut relay = Self { folder: tempfile::tempdir().unwrap(), passing_on: None };
        relay.reopen();
        Some(relay)
    }

    pub fn host(&self) -> String {
        format!("unix://{}", self.path().display())
    }

    pub fn reopen(&mut self) {
        let listener = UnixListener::bind(self.path()).unwrap();
        self.passing_on = Some(tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let mut docker = UnixStream::connect(Path::new(DOCKER)).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut stream, &mut docker).await;
                });
            }
        }));
    }

    /// With every connection that is there.
    pub async fn close(&mut self) {
        let passing_on = self.passing_on.take().expect("it is closed");
        passing_on.abort();
        let _ = passing_on.await;
        std::fs::remove_file(self.path()).unwrap();
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }
}
