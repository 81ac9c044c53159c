//! A provider's rigs: which one is meant, and its description as people write it.

use std::path::{Path, PathBuf};

use millrace_client::accounts::NodeAccount;
use millrace_client::keys::{self, KeyError};
use millrace_client::{Client, Keypair, address as addresses};
use millrace_protocol::gpu::{self, GpuClass};
use millrace_protocol::region::{self, Region};
use millrace_protocol::{Address, Diagnostic, Hardware};
use millrace_worker::control;
use thiserror::Error;

use crate::args::{DATA_DIR, RigOptions};
use crate::context::address;
use crate::errors::Failure;
use crate::output::{Output, Style};
use crate::systemd::Systemd;

/// What is wrong with a rig or its description.
#[derive(Debug, Error)]
pub enum Error {
    #[error("no GPU model is called `{0}`")]
    UnknownGpu(String),
    #[error("no region is called `{0}`")]
    UnknownRegion(String),
    #[error("`{0}` is not a two-letter country code")]
    NotACountry(String),
    #[error("the key `{}` is the node {node}'s already", path.display())]
    KeyTaken { path: PathBuf, node: Address },
    #[error("the node {node} is another provider's")]
    AnotherProviders { node: Address },
    // What clap says of a flag that has to be there: whoever reads it sees one kind of error.
    #[error("the following required arguments were not provided:\n  --node-key <PATH>")]
    NoNodeKey { command: &'static str },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::UnknownGpu(_) => "gpu-unknown",
            Self::UnknownRegion(_) => "region-unknown",
            Self::NotACountry(_) => "country-malformed",
            Self::KeyTaken { .. } => "already-exists",
            Self::AnotherProviders { .. } => "wrong-provider",
            Self::NoNodeKey { .. } => "usage",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::UnknownGpu(_) => format!("known models: {}", gpu::CLASSES[1..].join(", ")),
            Self::UnknownRegion(_) => format!("known regions: {}", region::REGIONS.join(", ")),
            Self::NotACountry(_) => "write it like `DE` or `US` (ISO 3166-1)".to_owned(),
            Self::KeyTaken { path, .. } => format!(
                "run its worker with `millrace worker run --node-key {}`, or name a new file for another rig",
                path.display()
            ),
            Self::AnotherProviders { .. } => {
                "sign with the keypair of its provider's owner; `millrace node list` lists your own".to_owned()
            }
            Self::NoNodeKey { command } => {
                let usage = format!("Usage: millrace worker {command} --node-key <PATH>");
                match *command {
                    "init" => usage,
                    _ => format!(
                        "{usage}; `millrace worker init --node-key <PATH>` writes it into the config file, once"
                    ),
                }
            }
        }
    }
}

/// Where the key of this rig lies, as flag or config file say.
///
/// # Errors
/// [`Error::NoNodeKey`].
pub fn node_key<'a>(named: Option<&'a Path>, command: &'static str) -> Result<&'a Path, Failure> {
    named.ok_or_else(|| Failure::usage(&Error::NoNodeKey { command }))
}

/// A rig's own key.
///
/// # Errors
/// A file that is missing, cannot be read or is no key.
pub fn load_key(path: &Path) -> Result<Keypair, Failure> {
    keys::load(path).map_err(|error| match error {
        // A key that was just made is no node: `node add` makes both.
        KeyError::Missing { .. } => Failure::from(error).with_hint(format!(
            "`millrace node add --node-key {} ...` puts the rig on the market and writes its key; copy the file here",
            path.display()
        )),
        _ => error.into(),
    })
}

/// Where the worker of this rig keeps its data: as given by flag or config file, as one does that runs by hand, as the
/// installed service does, or where `worker run` does by default.
pub fn data_dir(given: Option<PathBuf>, config: &RigOptions) -> PathBuf {
    data_dir_beside(given, config, control::listens, || Systemd::of_machine().data_dir())
}

/// A service may be another rig's.
fn data_dir_beside(
    given: Option<PathBuf>,
    config: &RigOptions,
    runs: impl FnOnce(&Path) -> bool,
    service: impl FnOnce() -> Option<PathBuf>,
) -> PathBuf {
    let named = given.or_else(|| config.data_dir.clone());
    let by_hand = || config.run_dir.clone();
    let asked = named.or_else(|| by_hand().filter(|folder| runs(folder))).or_else(service);
    asked.or_else(by_hand).unwrap_or_else(|| PathBuf::from(DATA_DIR))
}

/// However the two are written.
pub fn is_same(one: &Path, other: &Path) -> bool {
    let (one, other) = (one.canonicalize(), other.canonicalize());
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

/// The node at an address, where it is the owner's.
///
/// # Errors
/// An address without a node, another provider's node, an RPC endpoint that cannot be reached.
pub async fn of_owner(client: &Client, owner: Address, node: Address) -> Result<NodeAccount, Failure> {
    let found: NodeAccount = client.fetch(node).await?;
    if found.provider != addresses::provider(owner) {
        return Err(Failure::refused(&Error::AnotherProviders { node }));
    }
    Ok(found)
}

/// A rig has a key of its own.
async fn check_key_is_free(client: &Client, key: Address, path: &Path) -> Result<(), Failure> {
    match client.fetch_all::<NodeAccount>().await?.into_iter().find(|node| node.node_key == key) {
        Some(node) => Err(Failure::refused(&Error::KeyTaken { path: path.to_owned(), node: node.address })),
        None => Ok(()),
    }
}

/// The key that a node is to have.
pub struct NodeKey {
    pub key: Keypair,
    /// Whether there was none in its file, and it was made.
    pub is_new: bool,
}

/// The key in a file, which no node has yet, or a new one that is written there. That one is told of at once: the file's
/// name may be a slip of the hand, and the key stays there whatever becomes of the node.
///
/// # Errors
/// [`Error::KeyTaken`], a file that is no key or cannot be written, an RPC endpoint that cannot be reached.
pub async fn key_for_node(output: &dyn Output, client: &Client, path: &Path) -> Result<NodeKey, Failure> {
    match keys::load(path) {
        Ok(key) => {
            check_key_is_free(client, address(&key), path).await?;
            Ok(NodeKey { key, is_new: false })
        }
        Err(KeyError::Missing { .. }) => {
            let key = Keypair::new();
            keys::save(path, &key)?;
            let (path, address) = (path.display(), address(&key));
            output.note(&format!("there was no key file at {path}: made a new key, {address}"));
            Ok(NodeKey { key, is_new: true })
        }
        Err(error) => Err(error.into()),
    }
}

/// How a node's key is shown: whose it is, and where it lies.
pub fn shown_key(key: Address, path: &Path, is_new: bool, style: Style) -> String {
    let path = path.display();
    match is_new {
        true => format!("{key} ({path})  {}", style.warn("made now: there was no such file")),
        false => format!("{key} ({path})"),
    }
}

/// How the worker of a rig is started on it: one that pretends to have its GPUs has to be told so.
pub fn worker_command(node_key: &Path, hardware: &Hardware) -> String {
    let mut command = format!("millrace worker run --node-key {}", node_key.display());
    let model = gpu::slug(hardware.gpu_class).filter(|_| hardware.simulated);
    for model in model.iter().cycle().take(usize::from(hardware.gpu_count)) {
        command.push_str(&format!(" --simulated-gpu {model}:{}", hardware.vram_mib));
    }
    command
}

/// # Errors
/// [`Error::UnknownGpu`].
pub fn gpu_class(model: &str) -> Result<GpuClass, Error> {
    gpu::class(model).filter(|class| *class != 0).ok_or_else(|| Error::UnknownGpu(model.to_owned()))
}

/// # Errors
/// [`Error::UnknownRegion`].
pub fn region(name: &str) -> Result<Region, Error> {
    region::region(name).ok_or_else(|| Error::UnknownRegion(name.to_owned()))
}

/// # Errors
/// [`Error::NotACountry`].
pub fn country(code: &str) -> Result<[u8; 2], Error> {
    <[u8; 2]>::try_from(code.to_ascii_uppercase().as_bytes())
        .ok()
        .filter(|code| code.iter().all(u8::is_ascii_uppercase))
        .ok_or_else(|| Error::NotACountry(code.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use millrace_client::Endpoints;

    use super::*;
    use crate::errors::ExitClass;
    use crate::output::Report;

    /// Takes notes, and nothing else.
    #[derive(Default)]
    struct Notes(Mutex<Vec<String>>);

    impl Output for Notes {
        fn report(&self, _report: &dyn Report) {
            unreachable!("a report");
        }

        fn data(&self, _bytes: &[u8]) {
            unreachable!("data");
        }

        fn finish(&self) -> Result<(), Failure> {
            unreachable!("the end");
        }

        fn note(&self, text: &str) {
            self.0.lock().unwrap().push(text.to_owned());
        }

        fn failure(&self, _failure: &Failure) {
            unreachable!("a failure");
        }

        fn draws(&self) -> bool {
            unreachable!("progress");
        }

        fn style(&self) -> Style {
            unreachable!("style");
        }
    }

    #[tokio::test]
    async fn a_key_that_is_made_for_a_node_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rgi.json");
        // Nobody need be asked about a key that nobody has.
        let client = Client::new(Endpoints::new("http://127.0.0.1:1".to_owned(), "ws://127.0.0.1:1".to_owned()));
        let notes = Notes::default();
        let made = key_for_node(&notes, &client, &path).await.unwrap();
        assert!(made.is_new && keys::load(&path).unwrap() == made.key);
        let told = format!("there was no key file at {}: made a new key, {}", path.display(), address(&made.key));
        assert_eq!(*notes.0.lock().unwrap(), [told.as_str()]);

        // Of one that is there the chain says whether it is a node's.
        let failure = key_for_node(&notes, &client, &path).await.err().unwrap();
        assert_eq!(failure.class, ExitClass::External);
        std::fs::write(&path, "no key").unwrap();
        assert_eq!(key_for_node(&notes, &client, &path).await.err().unwrap().code, "key-malformed");
        assert_eq!(*notes.0.lock().unwrap(), [told.as_str()], "nothing else was made");
    }

    #[test]
    fn a_question_goes_to_the_service_unless_a_worker_by_hand_runs() {
        let all =
            RigOptions { data_dir: Some("/config".into()), run_dir: Some("/by-hand".into()), ..RigOptions::default() };
        let by_hand = RigOptions { data_dir: None, ..all.clone() };
        let none = RigOptions::default();
        for (given, config, runs, service, folder) in [
            (Some("/flag"), &all, true, Some("/service"), "/flag"),
            (None, &all, true, Some("/service"), "/config"),
            (None, &by_hand, true, Some("/service"), "/by-hand"),
            (None, &by_hand, false, Some("/service"), "/service"),
            (None, &by_hand, false, None, "/by-hand"),
            (None, &none, false, None, DATA_DIR),
        ] {
            let found = data_dir_beside(given.map(PathBuf::from), config, |_| runs, || service.map(PathBuf::from));
            assert_eq!(found, Path::new(folder));
        }
    }

    #[test]
    fn a_simulated_rig_is_started_with_its_gpus() {
        let mut hardware = crate::commands::list_nodes::tests::account(0).node.hardware;
        let gpu = "--simulated-gpu rtx-4090:24576";
        let command = format!("millrace worker run --node-key rig.json {gpu} {gpu}");
        assert_eq!(worker_command(Path::new("rig.json"), &hardware), command);
        hardware.simulated = false;
        assert_eq!(worker_command(Path::new("rig.json"), &hardware), "millrace worker run --node-key rig.json");
    }

    #[test]
    fn a_key_that_neither_flag_nor_config_file_names_is_asked_for_as_ever() {
        let named = Path::new("rig.json");
        assert_eq!(node_key(Some(named), "run").unwrap(), named);
        let failure = node_key(None, "run").unwrap_err();
        assert_eq!((failure.code.as_ref(), failure.class), ("usage", ExitClass::Usage));
        assert!(failure.hint.contains("worker run --node-key <PATH>") && failure.hint.contains("millrace worker init"));
        let hint = node_key(None, "init").unwrap_err().hint;
        assert_eq!(hint, "Usage: millrace worker init --node-key <PATH>", "who runs it need not be told of it");
    }

    #[test]
    fn names_that_do_not_exist_are_told_from_those_that_do() {
        assert_eq!(gpu_class("rtx-4090").unwrap(), gpu::class("rtx-4090").unwrap());
        assert_eq!(region("europe-central").unwrap(), region::region("europe-central").unwrap());
        assert_eq!(country("de").unwrap(), *b"DE");
        assert_eq!(gpu_class("none").unwrap_err().code(), "gpu-unknown");
        assert_eq!(region("atlantis").unwrap_err().code(), "region-unknown");
        for code in ["", "D", "DEU", "D1", "ä"] {
            assert_eq!(country(code).unwrap_err().code(), "country-malformed", "{code}");
        }
    }
}
