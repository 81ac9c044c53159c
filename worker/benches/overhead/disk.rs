use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path as Segment, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use futures_util::StreamExt;
use millrace_link::objects::OFFSET_HEADER;
use rustix::fs::{Advice, fadvise};
use tokio::io::AsyncWriteExt;

/// An endpoint that writes what it is sent to disk, and answers the last piece when all is synced. It does not hash.
#[derive(Clone)]
pub struct Disk {
    folder: PathBuf,
    /// When it answered last.
    answered: Arc<Mutex<Instant>>,
}

impl Disk {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), answered: Arc::new(Mutex::new(Instant::now())) }
    }

    pub fn answered(&self) -> Instant {
        *self.answered.lock().expect("nobody panics")
    }

    /// Throws away what it has, so that the same can be sent again.
    pub fn clear(&self) {
        for entry in std::fs::read_dir(&self.folder).expect("a folder") {
            std::fs::remove_file(entry.expect("a file").path()).expect("it goes");
        }
    }

    pub async fn serve(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let routes = Router::new().route("/v1/objects/{sha256}", get(has_none).put(write)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, routes).await });
        url
    }
}

async fn has_none() -> StatusCode {
    StatusCode::NOT_FOUND
}

async fn write(
    State(disk): State<Disk>,
    Segment(sha256): Segment<String>,
    headers: HeaderMap,
    body: Body,
) -> (StatusCode, [(&'static str, String); 1]) {
    let range = headers["content-range"].to_str().expect("text").trim_start_matches("bytes ").to_owned();
    let (bytes, total) = range.split_once('/').expect("a range");
    let from: u64 = bytes.split('-').next().and_then(|from| from.parse().ok()).expect("a range");
    let path = disk.folder.join(sha256);
    let mut file = tokio::fs::File::options().create(true).append(true).open(path).await.expect("a file");
    let (mut body, mut offset) = (body.into_data_stream(), from);
    while let Some(part) = body.next().await {
        let part = part.expect("the whole piece");
        // Written while the next part is on its way.
        file.write_all(&part).await.expect("room on disk");
        offset += part.len() as u64;
    }
    file.flush().await.expect("room on disk");
    let complete = offset.to_string() == total;
    if complete {
        file.sync_all().await.expect("room on disk");
    }
    *disk.answered.lock().expect("nobody panics") = Instant::now();
    (if complete { StatusCode::CREATED } else { StatusCode::ACCEPTED }, [(OFFSET_HEADER, offset.to_string())])
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
