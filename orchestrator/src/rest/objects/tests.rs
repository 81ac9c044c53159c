//! The endpoint over HTTP, as a worker's client meets it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use ed25519_dalek::SigningKey;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use millrace_link::objects::{ObjectClient, PIECE};
use millrace_protocol::{Address, Diagnostic, UnixSeconds};
use millrace_spec::{ObjectRef, Sha256};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::{Gate, Refusal};

/// Bytes of a file that goes in three pieces, the last one not full.
const SIZE: u64 = 2 * PIECE + 5_000_000;

/// Lets everybody read, and stage if somebody has a lease.
#[derive(Clone, Default)]
struct Nodes {
    leased: bool,
    staged: Arc<AtomicUsize>,
    /// KiB per second, as told.
    measured: Arc<Mutex<Vec<u32>>>,
}

impl Gate for Nodes {
    fn may_read(&self, _: Sha256, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        async { Ok(()) }.boxed()
    }

    fn may_stage(&self, _: Address) -> BoxFuture<'_, Result<(), Refusal>> {
        self.staged.fetch_add(1, Relaxed);
        async { if self.leased { Ok(()) } else { Err(Refusal::not_leased()) } }.boxed()
    }

    fn link_measured(&self, _: Address, kib_per_second: u32) {
        self.measured.lock().unwrap().push(kib_per_second);
    }
}

/// A folder with a file in it, and an endpoint that can be killed.
struct Rig {
    folder: tempfile::TempDir,
    nodes: Nodes,
    serving: JoinHandle<()>,
    url: String,
}

impl Rig {
    async fn new(leased: bool) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let content: Vec<u8> = (0..SIZE / 4).flat_map(|number| u32::try_from(number).unwrap().to_le_bytes()).collect();
        std::fs::write(folder.path().join("frame"), content).unwrap();
        let nodes = Nodes { leased, ..Nodes::default() };
        let (serving, url) = serve(folder.path(), nodes.clone()).await;
        Self { folder, nodes, serving, url }
    }

    async fn restart(&mut self) {
        self.serving.abort();
        (self.serving, self.url) = serve(self.folder.path(), self.nodes.clone()).await;
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("frame")
    }

    /// What the file is stored as.
    fn object(&self) -> ObjectRef {
        ObjectRef { sha256: millrace_spec::sha256(&std::fs::read(self.file()).unwrap()), size: SIZE }
    }

    async fn assert_stored(&self) {
        let target = self.folder.path().join("target");
        client(&self.url).get_to_file(&self.object(), &target).await.unwrap();
        assert!(std::fs::read(target).unwrap() == std::fs::read(self.file()).unwrap());
        let left = ["staged", "uploads"].map(|part| files(&self.folder.path().join("objects").join(part)));
        assert_eq!(left, [0, 0], "nothing is left under way");
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(folder: &Path, nodes: Nodes) -> (JoinHandle<()>, String) {
    let routes = super::object_endpoint(&folder.join("objects"), nodes).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() }), url)
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn client(url: &str) -> ObjectClient {
    ObjectClient::new(url, Arc::new(key()))
}

/// Files below a folder.
fn files(folder: &Path) -> usize {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}

/// A line that forwards to the endpoint so many bytes, and then is dead.
struct Line {
    url: String,
    sent: Arc<AtomicU64>,
}

impl Line {
    async fn new(to: &str, limit: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicU64::new(0));
        let (counted, to) = (sent.clone(), to.trim_start_matches("http://").to_owned());
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let far = TcpStream::connect(&to).await.unwrap();
                tokio::spawn(forward(near, far, counted.clone(), limit));
            }
        });
        Self { url, sent }
    }
}

async fn forward(mut near: TcpStream, mut far: TcpStream, sent: Arc<AtomicU64>, limit: u64) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let ((mut from, mut back), (mut answers, mut to)) = (near.split(), far.split());
    let up = async {
        let mut buffer = vec![0; 64 * 1024];
        while sent.load(Relaxed) < limit {
            let Ok(read @ 1..) = from.read(&mut buffer).await else { return };
            sent.fetch_add(read as u64, Relaxed);
            if to.write_all(&buffer[..read]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        () = up => {}
        _ = tokio::io::copy(&mut answers, &mut back) => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_is_sent_while_it_is_hashed() {
    let rig = Rig::new(true).await;
    let line = Line::new(&rig.url, u64::MAX).await;
    assert_eq!(client(&line.url).put_new_file(&rig.file()).await.unwrap(), rig.object());
    assert_eq!(rig.nodes.staged.load(Relaxed), 2, "all but its last piece went before its hash was known");
    assert!(line.sent.load(Relaxed) < SIZE + 10_000, "each byte went once");
    rig.assert_stored().await;
    // Once more, because its answer was lost: the endpoint says that it has it.
    let line = Line::new(&rig.url, u64::MAX).await;
    assert_eq!(client(&line.url).put_file_again(&rig.file()).await.unwrap(), rig.object());
    assert!(line.sent.load(Relaxed) < 10_000);
    for small in [&b""[..], b"small"] {
        let path = rig.folder.path().join("small");
        std::fs::write(&path, small).unwrap();
        assert_eq!(client(&rig.url).put_new_file(&path).await.unwrap().size, small.len() as u64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn how_fast_objects_move_is_told_in_both_directions() {
    let rig = Rig::new(true).await;
    let told = || rig.nodes.measured.lock().unwrap().clone();
    client(&rig.url).put_new_file(&rig.file()).await.unwrap();
    assert_eq!(told().len(), usize::try_from(SIZE / (16 * 1024 * 1024)).unwrap());
    rig.assert_stored().await;
    assert_eq!(told().len(), usize::try_from(2 * SIZE / (16 * 1024 * 1024)).unwrap(), "what was over counts on");
    assert!(told().iter().all(|kib_per_second| *kib_per_second > 0));
    // A small download may be in a buffer as a whole: nothing is concluded from it.
    std::fs::write(rig.folder.path().join("small"), vec![0; 15_000_000]).unwrap();
    let small = rig.folder.path().join("small");
    let object = client(&rig.url).put_new_file(&small).await.unwrap();
    let before = told().len();
    client(&rig.url).get_to_file(&object, &rig.folder.path().join("back")).await.unwrap();
    client(&rig.url).get_to_file(&object, &rig.folder.path().join("again")).await.unwrap();
    assert_eq!(told().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_without_a_lease_sends_by_hash_only() {
    let rig = Rig::new(false).await;
    let path = format!("/v1/uploads/{}", rig.object().sha256);
    let now = UnixSeconds(std::time::UNIX_EPOCH.elapsed().unwrap().as_secs());
    let signed = millrace_link::auth::authorization(&key(), "PUT", &path, now);
    let request = reqwest::Client::new().put(format!("{}{path}", rig.url)).body("early");
    assert_eq!(request.try_clone().unwrap().send().await.unwrap().status(), 401);
    let refused = request.header("authorization", signed).send().await.unwrap();
    assert_eq!(refused.status(), 403);
    let problem: millrace_link::rest::Problem = refused.json().await.unwrap();
    assert_eq!(problem.code, "object-upload-not-leased");
    assert_eq!(files(&rig.folder.path().join("objects/staged")), 0);
    // The lease may just have ended: nothing is lost by it.
    assert_eq!(client(&rig.url).put_new_file(&rig.file()).await.unwrap(), rig.object());
    rig.assert_stored().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_the_line_broke_and_the_endpoint_was_killed() {
    let mut rig = Rig::new(true).await;
    let line = Line::new(&rig.url, PIECE + PIECE / 2).await;
    let error = client(&line.url).put_new_file(&rig.file()).await.unwrap_err();
    assert_eq!(error.code(), "object-endpoint-unreachable");
    rig.restart().await;
    let line = Line::new(&rig.url, u64::MAX).await;
    assert_eq!(client(&line.url).put_file_again(&rig.file()).await.unwrap(), rig.object());
    assert!(line.sent.load(Relaxed) < SIZE - PIECE, "what had arrived was not sent again");
    rig.assert_stored().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_killed_before_the_last_piece_gets_only_that() {
    let mut rig = Rig::new(true).await;
    // Cut in the last piece: all that was staged has arrived.
    let line = Line::new(&rig.url, 2 * PIECE + 1_000_000).await;
    client(&line.url).put_new_file(&rig.file()).await.unwrap_err();
    rig.restart().await;
    let line = Line::new(&rig.url, u64::MAX).await;
    client(&line.url).put_file_again(&rig.file()).await.unwrap();
    assert!(line.sent.load(Relaxed) < SIZE - 2 * PIECE + 10_000);
    rig.assert_stored().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_hash_than_that_of_what_was_staged_is_refused() {
    let rig = Rig::new(true).await;
    let line = Line::new(&rig.url, PIECE + PIECE / 2).await;
    client(&line.url).put_new_file(&rig.file()).await.unwrap_err();
    // Spoiled where nobody looks at it again.
    let mut folders = vec![rig.folder.path().join("objects")];
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = usize::try_from(std::fs::metadata(&path).unwrap().len()).unwrap();
                std::fs::write(&path, vec![b'?'; bytes]).unwrap();
            }
        }
    }
    let mut rig = rig;
    rig.restart().await;
    let error = client(&rig.url).put_file_again(&rig.file()).await.unwrap_err();
    assert!(error.to_string().contains("has the hash"), "{error}");
    // Nothing of it is left: the next try begins anew.
    client(&rig.url).put_file_again(&rig.file()).await.unwrap();
    rig.assert_stored().await;
}
