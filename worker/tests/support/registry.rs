use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bollard::Docker;
use bollard::query_parameters::{CreateImageOptionsBuilder, PushImageOptionsBuilder, RemoveImageOptions};
use futures_util::TryStreamExt;
use tempfile::TempDir;

/// Of the one file in the image's one layer.
pub const LAYER_BYTES: usize = 4 << 20;

/// Docker's registry in a process of its own, on loopback, with one image: `probe:1`.
pub struct Registry {
    /// Host and port: what image names begin with.
    pub host: String,
    /// Digest of the image's manifest.
    pub digest: String,
    server: Server,
    images: TempDir,
}

struct Server {
    process: Child,
    folder: TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Registry {
    /// Open to everybody.
    pub async fn start() -> Self {
        let images = TempDir::new().unwrap();
        let mut server = Server::start(&images, None);
        let host = server.address().await;
        let digest = push(&host).await;
        Self { host, digest, server, images }
    }

    /// One that answers to a login alone.
    pub async fn guarded(username: &str, password: &str) -> Self {
        let open = Self::start().await;
        let mut server = Server::start(&open.images, Some((username, password)));
        let host = server.address().await;
        Self { host, server, ..open }
    }

    /// Requests that came with no login or a wrong one.
    pub fn refused(&self) -> usize {
        // The log of an HTTP server as the National Center for Supercomputing Applications had it: the status comes
        // behind the request.
        self.server.read("requests").lines().filter(|line| line.contains("\" 401 ")).count()
    }
}

impl Server {
    fn start(images: &TempDir, login: Option<(&str, &str)>) -> Self {
        let folder = TempDir::new().unwrap();
        let configuration = folder.path().join("configuration");
        fs::write(&configuration, configure(images.path(), folder.path(), login)).unwrap();
        let log = |name| File::create(folder.path().join(name)).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(log("requests"))
            .stderr(log("log"))
            .spawn()
            .expect("docker-registry: ./dev setup");
        Self { process, folder }
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// Of the port that the system gave it.
    async fn address(&mut self) -> String {
        let begun = Instant::now();
        loop {
            let log = self.read("log");
            if let Some((_, rest)) = log.split_once("listening on ") {
                let end = rest.find(|letter: char| !letter.is_ascii_digit() && !".:".contains(letter));
                return rest[..end.expect("a whole line")].to_owned();
            }
            let ended = self.process.try_wait().unwrap();
            assert!(ended.is_none() && begun.elapsed() < Duration::from_secs(60), "{ended:?}: {log}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// The options are those of the registry's documentation; JSON is YAML, too.
fn configure(images: &Path, folder: &Path, login: Option<(&str, &str)>) -> String {
    let mut configuration = serde_json::json!({
        "version": 0.1,
        "log": { "level": "info" },
        "storage": { "filesystem": { "rootdirectory": images } },
        "http": { "addr": "127.0.0.1:0" },
    });
    if let Some((username, password)) = login {
        let users = folder.join("users");
        // The least effort it takes: the login is the test's own.
        fs::write(&users, format!("{username}:{}\n", bcrypt::hash(password, 4).unwrap())).unwrap();
        configuration["auth"] = serde_json::json!({ "htpasswd": { "realm": "test", "path": users } });
    }
    configuration.to_string()
}

/// Puts the image there, and takes it from the engine; its digest.
async fn push(host: &str) -> String {
    let docker = Docker::connect_with_defaults().unwrap().negotiate_version().await.unwrap();
    let name = format!("{host}/probe");
    let layer = tar("hello", &layer_of(host));
    let options = CreateImageOptionsBuilder::new()
        .from_src("-")
        .repo(&name)
        .tag("1")
        .changes(vec!["CMD [\"/hello\"]".to_owned()])
        .build();
    let made = docker.create_image(Some(options), Some(bollard::body_full(layer.into())), None);
    made.try_collect::<Vec<_>>().await.unwrap();
    let options = PushImageOptionsBuilder::new().tag("1").build();
    let pushed: Vec<_> = docker.push_image(&name, Some(options), None).try_collect().await.unwrap();
    let image = format!("{name}:1");
    let digests = docker.inspect_image(&image).await.unwrap().repo_digests.unwrap_or_default();
    let digest = digests.iter().find_map(|digest| digest.strip_prefix(&format!("{name}@")));
    let digest = digest.unwrap_or_else(|| panic!("not pushed: {pushed:?}")).to_owned();
    docker.remove_image(&image, None::<RemoveImageOptions>, None).await.unwrap();
    digest
}

/// The registry's own layer: another registry's image is not removed while this one is pulled. It cannot be compressed,
/// so that pulling it takes long enough to be told of.
fn layer_of(host: &str) -> Vec<u8> {
    let begin = host.bytes().fold(1u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
    // Marsaglia's xorshift64.
    let next = |seed: &u64| {
        let seed = seed ^ (seed << 13);
        let seed = seed ^ (seed >> 7);
        Some(seed ^ (seed << 17))
    };
    std::iter::successors(Some(begin), next).take(LAYER_BYTES / 8).flat_map(u64::to_le_bytes).collect()
}

/// An archive of one file, as POSIX has it.
pub fn tar(name: &str, content: &[u8]) -> Vec<u8> {
    let mut archive = tar_header(name, content.len());
    archive.extend(content);
    archive.resize(archive.len().next_multiple_of(512) + 1_024, 0);
    archive
}

/// What stands before a file of so many bytes in an archive.
pub fn tar_header(name: &str, length: usize) -> Vec<u8> {
    tar_header_of('0', name, "", length)
}

/// The same of what is no file: `2` is a link to `target`, `6` a pipe (pax(1), "ustar Interchange Format").
pub fn tar_header_of(kind: char, name: &str, target: &str, length: usize) -> Vec<u8> {
    let mut header = [0u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{length:011o}"));
    put(136, "00000000000");
    put(148, "        ");
    put(156, &kind.to_string());
    put(157, target);
    put(257, "ustar\u{0}00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\u{0} ").as_bytes());
    header.to_vec()
}
