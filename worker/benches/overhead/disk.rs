use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::middleware::map_response;
use axum::response::Response;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_orchestrator::{Gate, Refusal, object_endpoint};
use millrace_protocol::Address;
use millrace_spec::Sha256;
use rustix::fs::{Advice, fadvise};
use tokio::task::JoinHandle;

/// The orchestrator's object endpoint, its objects on this disk.
pub struct Disk {
    folder: PathBuf,
    /// When it answered last.
    answered: Arc<Mutex<Instant>>,
    serving: JoinHandle<()>,
    pub url: String,
}

/// What any worker with a lease may.
struct Leased;

impl Gate for Leased {
    fn may_read(&self, _: Sha256, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn may_stage(&self, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn link_measured(&self, _: Address, _: u32) {}
}

impl Disk {
    pub async fn serve(folder: &Path) -> Self {
        let answered = Arc::new(Mutex::new(Instant::now()));
        let last = answered.clone();
        let routes =
            object_endpoint(folder, Leased).expect("a folder").layer(map_response(move |response: Response| {
                *last.lock().expect("nobody panics") = Instant::now();
                async { response }
            }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let serving = tokio::spawn(async move { axum::serve(listener, routes).await.expect("it goes on") });
        Self { folder: folder.to_owned(), answered, serving, url }
    }

    pub fn answered(&self) -> Instant {
        *self.answered.lock().expect("nobody panics")
    }

    /// Throws away what it has: the disk is small.
    pub fn clear(&self) {
        for folder in std::fs::read_dir(self.folder.join("complete")).expect("a folder") {
            for object in std::fs::read_dir(folder.expect("a folder").path()).expect("a folder") {
                std::fs::remove_file(object.expect("an object").path()).expect("it goes");
            }
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Has the next reader fetch a file from the disk.
pub fn forget(path: &Path) {
    let file = File::open(path).expect("a file");
    file.sync_all().expect("it is written");
    fadvise(&file, 0, None, Advice::DontNeed).expect("Linux");
}

/// Reads each file from the disk, writes its bytes to another and syncs that: what any copy has to do.
pub fn copy(files: &[PathBuf], to: &Path) -> Duration {
    let began = Instant::now();
    let mut piece = vec![0; 1024 * 1024];
    for (number, path) in files.iter().enumerate() {
        let mut from = File::open(path).expect("a file");
        let mut to = File::create(to.join(number.to_string())).expect("a file");
        loop {
            let read = from.read(&mut piece).expect("it can be read");
            if read == 0 {
                break;
            }
            to.write_all(&piece[..read]).expect("room on disk");
        }
        to.sync_all().expect("room on disk");
    }
    began.elapsed()
}
