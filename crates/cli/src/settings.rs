//! Where keys and endpoints come from: flags, then environment, then the config file, then
//! Solana's own configuration, then defaults.

use std::path::{Path, PathBuf};

use millrace_protocol::Diagnostic;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::args::RigOptions;
use crate::environment::{self, Variable};

mod change;
mod worker;

pub use change::{Change, Told};

/// Where a value was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    Flag,
    Environment,
    ConfigFile,
    SolanaConfig,
    Default,
}

/// A value and where it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Found<T> {
    pub value: T,
    pub source: Source,
}

/// What was given on the command line.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    pub config: Option<PathBuf>,
    /// Whether the command makes a config file that is not there.
    pub makes_config: bool,
    pub rpc_url: Option<String>,
    pub ws_url: Option<String>,
    pub orchestrator_url: Option<String>,
    pub keypair: Option<PathBuf>,
}

/// The config file; every field may be left out.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    rpc_url: Option<String>,
    ws_url: Option<String>,
    orchestrator_url: Option<String>,
    keypair: Option<PathBuf>,
    worker: Option<RigOptions>,
}

/// Endpoints and key that a command works with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The config file, whether it is there or not.
    pub config: Found<PathBuf>,
    /// What it says of this machine's rig.
    pub worker: RigOptions,
    /// The engine's socket of the environment, which is before the config file's.
    pub docker_host: Option<String>,
    pub rpc_url: Found<String>,
    pub ws_url: Found<String>,
    pub orchestrator_url: Found<String>,
    pub keypair: Found<PathBuf>,
}

pub const DEFAULT_RPC_URL: &str = "http://127.0.0.1:8899";
pub const DEFAULT_ORCHESTRATOR_URL: &str = "http://127.0.0.1:7070";

/// Why the settings cannot be read.
#[derive(Debug, Error)]
pub enum Error {
    #[error("`{}` cannot be read", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("`{}` is not a config file of Millrace", path.display())]
    Malformed { path: PathBuf, source: Box<toml::de::Error> },
    #[error("`{}` says {}, not `{told}`", path.display(), said(key, found.as_deref()))]
    Differs {
        path: PathBuf,
        key: &'static str,
        /// What the rig's table says of it, as it would be written.
        found: Option<String>,
        told: String,
    },
    // Not what it says: endpoints are paid for by a key in the URL.
    #[error("`{}` says another `{key}` than `worker init` is told", path.display())]
    EndpointDiffers { path: PathBuf, key: &'static str },
    #[error("`{}` cannot be written", path.display())]
    Unwritable { path: PathBuf, source: std::io::Error },
    #[error("`{value}` is not a URL that starts with http:// or https://")]
    NotAUrl { value: String },
}

impl Diagnostic for Error {
    fn code(&self) -> &'static str {
        match self {
            Self::Unreadable { .. } => "config-unreadable",
            Self::Malformed { .. } => "config-malformed",
            Self::Differs { .. } | Self::EndpointDiffers { .. } => "config-differs",
            Self::Unwritable { .. } => "config-unwritable",
            Self::NotAUrl { .. } => "url-malformed",
        }
    }

    fn hint(&self) -> String {
        match self {
            Self::Unreadable { .. } => {
                format!("check the path given by `--config` or `{}`", environment::CONFIG.name)
            }
            Self::Malformed { .. } => {
                "known keys are `rpc_url`, `ws_url`, `orchestrator_url` and `keypair`, each a string, and under \
                 `[worker]` the flags of `millrace worker run`, written with `_`"
                    .to_owned()
            }
            Self::Differs { key, found, told, .. } => {
                let change = match found {
                    Some(found) => format!("put `{key} = {told}` in place of `{key} = {found}` there"),
                    None => format!("put `{key} = {told}` below its `[worker]`"),
                };
                format!("{change}, leave the flag out, or name another rig's config file with `--config`")
            }
            Self::EndpointDiffers { .. } => {
                "change it there, leave the flag out, or name another rig's config file with `--config`".to_owned()
            }
            Self::Unwritable { .. } => "check the path given by `--config`, and who may write there".to_owned(),
            Self::NotAUrl { .. } => "write it like `http://127.0.0.1:8899`".to_owned(),
        }
    }
}

impl Settings {
    /// Settings of this process.
    ///
    /// # Errors
    /// A config file that was asked for and is missing, one that does not parse, a URL that is none.
    pub fn load(flags: &Flags) -> Result<Self, Error> {
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        Self::resolve(flags, &environment::of_process, &home)
    }

    /// The same with everything outside as arguments.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn resolve(flags: &Flags, env: &dyn Fn(Variable) -> Option<String>, home: &Path) -> Result<Self, Error> {
        let config = first([
            (Source::Flag, flags.config.clone()),
            (Source::Environment, env(environment::CONFIG).map(PathBuf::from)),
        ])
        .unwrap_or_else(|| default(home.join(".config/millrace/config.toml")));
        let may_be_missing = config.source == Source::Default || flags.makes_config;
        let file = read_config(&config.value, may_be_missing)?;
        let solana = SolanaConfig::read(home);
        let rpc_url = first([
            (Source::Flag, flags.rpc_url.clone()),
            (Source::Environment, env(environment::RPC_URL)),
            (Source::ConfigFile, file.rpc_url),
            (Source::SolanaConfig, solana.rpc_url),
        ])
        .unwrap_or_else(|| default(DEFAULT_RPC_URL.to_owned()));
        check_url(&rpc_url.value)?;
        let ws_url = first([
            (Source::Flag, flags.ws_url.clone()),
            (Source::Environment, env(environment::WS_URL)),
            (Source::ConfigFile, file.ws_url),
        ])
        .unwrap_or_else(|| Found { value: ws_beside(&rpc_url.value), source: rpc_url.source });
        let orchestrator_url = first([
            (Source::Flag, flags.orchestrator_url.clone()),
            (Source::Environment, env(environment::ORCHESTRATOR_URL)),
            (Source::ConfigFile, file.orchestrator_url),
        ])
        .unwrap_or_else(|| default(DEFAULT_ORCHESTRATOR_URL.to_owned()));
        check_url(&orchestrator_url.value)?;
        let keypair = first([
            (Source::Flag, flags.keypair.clone()),
            (Source::Environment, env(environment::KEYPAIR).map(PathBuf::from)),
            (Source::ConfigFile, file.keypair),
            (Source::SolanaConfig, solana.keypair),
        ])
        .unwrap_or_else(|| default(home.join(".config/solana/id.json")));
        let worker = file.worker.unwrap_or_default();
        let docker_host = env(environment::DOCKER_HOST);
        Ok(Self { config, worker, docker_host, rpc_url, ws_url, orchestrator_url, keypair })
    }

    /// RPC and WebSocket endpoint where another command may have others: as flags or environment say, or Solana's own
    /// configuration, of which each user has one.
    pub fn told_endpoints(&self) -> (Option<Found<String>>, Option<Found<String>>) {
        let told = |found: &Found<String>| {
            let is_told = matches!(found.source, Source::Flag | Source::Environment | Source::SolanaConfig);
            is_told.then(|| found.clone())
        };
        let beside = ws_beside(&self.rpc_url.value);
        (told(&self.rpc_url), told(&self.ws_url).filter(|url| url.value != beside))
    }
}

fn default<T>(value: T) -> Found<T> {
    Found { value, source: Source::Default }
}

fn first<T>(candidates: impl IntoIterator<Item = (Source, Option<T>)>) -> Option<Found<T>> {
    candidates.into_iter().find_map(|(source, value)| value.map(|value| Found { value, source }))
}

fn check_url(value: &str) -> Result<(), Error> {
    let rest = value.strip_prefix("http://").or_else(|| value.strip_prefix("https://"));
    match rest {
        Some(host) if !host.is_empty() && !host.contains(char::is_whitespace) => Ok(()),
        _ => Err(Error::NotAUrl { value: value.to_owned() }),
    }
}

/// Solana's convention: same host, next port; without a port, the same address.
fn ws_beside(rpc_url: &str) -> String {
    let ws = rpc_url.replacen("http", "ws", 1);
    let trimmed = ws.trim_end_matches('/');
    let port = trimmed.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse::<u16>().ok()?)));
    match port.and_then(|(host, port)| Some((host, port.checked_add(1)?))) {
        Some((host, port)) => format!("{host}:{port}"),
        None => ws,
    }
}

fn read_config(path: &Path, may_be_missing: bool) -> Result<ConfigFile, Error> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse_config(path, &text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && may_be_missing => Ok(ConfigFile::default()),
        Err(source) => Err(Error::Unreadable { path: path.to_owned(), source }),
    }
}

fn parse_config(path: &Path, text: &str) -> Result<ConfigFile, Error> {
    toml::from_str(text).map_err(|source| Error::Malformed { path: path.to_owned(), source: Box::new(source) })
}

fn said(key: &str, found: Option<&str>) -> String {
    found.map_or_else(|| format!("no `{key}` of the rig"), |found| format!("`{key} = {found}`"))
}

/// What matters of `~/.config/solana/cli/config.yml`.
#[derive(Default)]
struct SolanaConfig {
    rpc_url: Option<String>,
    keypair: Option<PathBuf>,
}

impl SolanaConfig {
    /// The file is flat `key: value` lines, so it needs no YAML parser. What cannot be read is
    /// treated as absent: the file is not ours to complain about.
    fn read(home: &Path) -> Self {
        let text = std::fs::read_to_string(home.join(".config/solana/cli/config.yml")).unwrap_or_default();
        let value = |key: &str| {
            text.lines().find_map(|line| {
                let value = line.strip_prefix(key)?.strip_prefix(':')?.trim().trim_matches(['"', '\'']);
                (!value.is_empty()).then(|| value.to_owned())
            })
        };
        Self { rpc_url: value("json_rpc_url"), keypair: value("keypair_path").map(PathBuf::from) }
    }
}

#[cfg(test)]
mod tests;
