//! The job file's fields, as TOML has them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document {
    pub name: String,
    pub image: String,
    #[serde(default)]
    pub command: Vec<String>,
    #[serde(default)]
    pub network: Network,
    #[serde(default)]
    pub after: Vec<String>,
    #[serde(default)]
    pub after_ended: Vec<String>,
    pub runtime: Option<String>,
    pub tasks: Option<Tasks>,
    pub retry: Option<Retry>,
    pub service: Option<Service>,
    pub gang: Option<Gang>,
    pub checkpoint: Option<Checkpoint>,
    pub outputs: Option<Outputs>,
    #[serde(default)]
    pub placement: Placement,
    pub resources: Resources,
    pub budget: Budget,
    #[serde(default)]
    pub verification: Verification,
    pub registry: Option<Registry>,
    #[serde(default)]
    pub encryption: Encryption,
    #[serde(default)]
    pub secrets: BTreeMap<String, PathBuf>,
    #[serde(default)]
    pub inputs: BTreeMap<String, PathBuf>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`true`, `false` or a list of destinations such as `\"api.example.com:443\"`")]
pub(super) enum Network {
    Switch(bool),
    Only(Vec<String>),
}

impl Default for Network {
    fn default() -> Self {
        Self::Switch(false)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tasks {
    pub count: u32,
    pub time_limit: String,
    #[serde(default = "two")]
    pub retries: u16,
    #[serde(default = "stop")]
    pub on_notice: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Service {
    pub replicas: u16,
    pub surge: Option<u16>,
    #[serde(default = "always")]
    pub restart: String,
    pub run_for: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Retry {
    #[serde(default = "no_time")]
    pub backoff: String,
    pub longest_backoff: Option<String>,
    #[serde(default)]
    pub fatal_exit_codes: Vec<u8>,
    #[serde(default)]
    pub uncounted_exit_codes: Vec<u8>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Gang {
    #[serde(default = "region")]
    pub locality: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Checkpoint {
    pub every: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Outputs {
    pub every: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Placement {
    #[serde(default)]
    pub auction: bool,
    #[serde(default)]
    pub countries: Vec<String>,
    #[serde(default)]
    pub providers: Vec<String>,
    #[serde(default)]
    pub denied_providers: Vec<String>,
    #[serde(default)]
    pub different_providers: bool,
    pub minimum_cuda: Option<String>,
    pub minimum_driver: Option<String>,
    #[serde(default)]
    pub priority: u8,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Resources {
    #[serde(default = "one_unit")]
    pub gpus: u16,
    #[serde(default)]
    pub gpu_models: Vec<String>,
    pub vram: Option<String>,
    #[serde(default)]
    pub regions: Vec<String>,
    pub cpus: String,
    pub memory: String,
    pub disk: String,
    #[serde(default = "default_pids")]
    pub pids: u32,
    #[serde(default)]
    pub accept_simulated_gpus: bool,
    #[serde(default = "default_service_level")]
    pub service_level: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Budget {
    pub maximum_price: String,
    pub lease: String,
    pub deposit: Option<String>,
    pub concurrent_leases: Option<u16>,
    pub start_window: Option<String>,
    pub retries: Option<u16>,
    #[serde(default)]
    pub spot: bool,
    pub payment: Option<String>,
    pub dispute_window: Option<String>,
}

/// Which fields a policy takes differs: whatever it does not take is refused by name.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verification {
    pub policy: Option<String>,
    pub share: Option<String>,
    pub needed: Option<u8>,
    pub size: Option<u8>,
    pub hardware: Option<String>,
    pub attestor: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Registry {
    pub username: String,
    pub password_file: PathBuf,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Encryption {
    #[serde(default)]
    pub inputs: bool,
    pub outputs: Option<String>,
}

fn one_unit() -> u16 {
    1
}

fn two() -> u16 {
    2
}

fn stop() -> String {
    "stop".to_owned()
}

fn always() -> String {
    "always".to_owned()
}

fn no_time() -> String {
    "0s".to_owned()
}

fn region() -> String {
    "region".to_owned()
}

fn default_pids() -> u32 {
    256
}

fn default_service_level() -> String {
    "none".to_owned()
}
