use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use millrace_client::keys;
use millrace_protocol::Address;
use millrace_worker::doctor::{Examined, Finding};
use serde::Serialize;
use serde_json::Value;

use crate::args::{DATA_DIR, PrepareRig, RigOptions, RigToLookAt};
use crate::commands::examine_rig::{Found, examine, is_fit};
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs::{self, is_same};
use crate::settings::{self, Change, Source, Told};
use crate::shell::quoted;

#[derive(Serialize)]
struct Prepared {
    findings: Vec<Finding>,
    node_key: Address,
    path: PathBuf,
    /// None where it is left to how the worker is started.
    data_dir: Option<PathBuf>,
    /// The rig's hardware as `node add` takes it.
    hardware: String,
    /// The file with what the rig's other commands need.
    config: PathBuf,
    /// Whether it was written; else it said the same before.
    config_written: bool,
    /// Whether the rig's other commands look there by themselves.
    #[serde(skip)]
    config_is_found: bool,
}

impl Report for Prepared {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let found = Found { findings: self.findings.clone() }.human(style);
        let (good, path, config) = (style.good("rig is ready"), self.path.display(), self.config.display());
        let written = if self.config_written { "written" } else { "it said so before" };
        let data = self.data_dir.as_ref().map_or_else(String::new, |path| format!("data      {}\n", path.display()));
        format!(
            "{found}\n{good}\nnode key  {}\nfile      {path}  (the rig's own; it owns no stake)\n{data}config    \
             {config}  ({written})",
            self.node_key
        )
    }

    fn next(&self) -> Vec<String> {
        let word = |path: &Path| quoted(&path.display().to_string());
        let (path, config) = (word(&self.path), format!("--config {}", word(&self.config)));
        let found = if self.config_is_found { String::new() } else { format!("{config} ") };
        vec![
            format!(
                "millrace node add --node-key {path} {} --region <REGION> --country <CODE> --price <USDC>  (signed with \
                 the provider's wallet)",
                self.hardware
            ),
            format!("millrace {found}worker run  (here, from then on)"),
            // Another user's commands look for another file.
            format!("sudo millrace {config} worker install  (instead: systemd runs it, also after a reboot)"),
        ]
    }
}

/// Looks at the rig, and where nothing keeps a worker from working, writes its key, and into the config file what it
/// was told.
///
/// # Errors
/// `data-folder-foreign`, `rig-unfit` and `config-differs`, before anything is written; a data folder that cannot be
/// looked into; a key file that is none, or cannot be written; a config file that cannot be.
pub async fn run(context: &Context<'_>, args: PrepareRig) -> Result<(), Failure> {
    let path = rigs::node_key(args.node_key.as_deref(), "init")?.to_owned();
    let settings::Found { value: config, source } = context.settings.config.clone();
    // A table that names none has its rig where it always was.
    let has_table = context.settings.worker.node_key.is_some();
    let own = (args.rig.data_dir.is_none() && !has_table)
        .then(|| own_data_dir(Path::new(DATA_DIR), &context.settings.config, &path));
    let rig = RigToLookAt { run_dir: args.rig.run_dir.or(own), ..args.rig };
    millrace_worker::check_data_dir(&rig.data_dir(), |file| is_same(file, &path))?;
    let examined = examine(context, &rig).await;
    if let Err(unfit) = is_fit(&examined) {
        context.output.report(&Found { findings: examined.findings });
        return Err(
            unfit.with_hint("do what stands behind each of them, then run `millrace worker init` again as before")
        );
    }
    let hardware = hardware(&examined, rig.disk_reserve());
    let (rpc_url, ws_url) = context.settings.told_endpoints();
    let docker_host = context.settings.docker_host.clone();
    let data_dir = rig.data_dir.clone().or_else(|| rig.run_dir.clone());
    let run_dir = rig.run_dir;
    let rig = RigOptions {
        node_key: Some(path.clone()),
        data_dir: rig.data_dir,
        orchestrator: rig.orchestrator,
        docker_host: rig.docker_host,
        disk_reserve: rig.disk_reserve,
        ..RigOptions::default()
    };
    let told = Told { rig, run_dir, docker_host, rpc_url, ws_url };
    let (node_key, config_written) = write(&config, &path, &told)?;
    context.output.report(&Prepared {
        findings: examined.findings,
        node_key,
        path,
        data_dir: data_dir.map(absolute),
        hardware,
        config: absolute(config),
        config_written,
        config_is_found: source != Source::Flag,
    });
    Ok(())
}

/// Both or neither: what can fail of the config file is done before there is a key, and a new key goes where the rest
/// fails all the same.
fn write(config: &Path, key_path: &Path, told: &Told) -> Result<(Address, bool), Failure> {
    let change = Change::prepare(config, told)?;
    let is_new = !key_path.exists();
    let node_key = address(&keys::load_or_create(key_path)?);
    match change.make() {
        Ok(written) => Ok((node_key, written)),
        Err(error) => {
            if is_new {
                let _ = fs::remove_file(key_path);
            }
            Err(error.into())
        }
    }
}

/// Where a rig that is run by hand keeps its data and was told no folder: here, or beside a config file that was named,
/// so that two rigs have two. One that has worked here already goes on here, and another one's folder is left alone.
fn own_data_dir(here: &Path, config: &settings::Found<PathBuf>, key_path: &Path) -> PathBuf {
    let key = keys::load(key_path).ok().map(|key| address(&key));
    let is_here = match millrace_worker::registered(here) {
        Some(registered) => Some(registered.node_key) == key,
        None => config.source == Source::Default,
    };
    if is_here {
        return here.to_owned();
    }
    let mut name = OsString::from(format!("{DATA_DIR}-"));
    name.push(config.value.file_stem().unwrap_or_default());
    // Among a user's settings nobody looks for a rig's data.
    let beside = if config.source == Source::Default { here } else { &config.value };
    beside.with_file_name(name)
}

/// A path that cannot be made absolute was none that could be written to.
fn absolute(path: PathBuf) -> PathBuf {
    std::path::absolute(&path).unwrap_or(path)
}

/// Of GPUs of several kinds, the most frequent one's: a node has one kind. Of disk and memory what no job gets stays.
fn hardware(examined: &Examined, disk_reserve_mib: u32) -> String {
    let gpus = &examined.inventory.gpus;
    let same = |index: usize| gpus.iter().filter(|gpu| gpu.model == gpus[index].model).count();
    let most = (0..gpus.len()).max_by_key(|index| same(*index));
    let gpu = most.map_or_else(String::new, |index| {
        let alike = gpus.iter().filter(|gpu| gpu.model == gpus[index].model);
        let vram = alike.map(|gpu| gpu.vram_mib).min().unwrap_or(0);
        format!("--gpu {} --gpus {} --vram {vram}MiB ", gpus[index].model, same(index))
    });
    let machine = examined.machine.as_ref();
    let (cores, memory) = machine.map_or((1, 0), |machine| (machine.cpu_cores, machine.memory_for_leases_mib()));
    let disk = examined.free_disk_mib.saturating_sub(disk_reserve_mib.into());
    // What a node does not tell of itself, no job that asks for a version gets.
    let software = examined
        .inventory
        .software
        .as_ref()
        .map_or_else(String::new, |software| format!(" --driver {} --cuda {}", software.driver, software.cuda));
    format!("{gpu}--cpus {cores} --memory {memory}MiB --disk {disk}MiB{software}")
}

#[cfg(test)]
mod tests {
    use millrace_worker::container::Info;
    use millrace_worker::gpu::{Gpu, Inventory, Software};

    use super::*;
    use crate::errors::ExitClass;

    fn examined(gpus: &[(&str, u32)]) -> Examined {
        let gpu =
            |(model, vram_mib): &(&str, u32)| Gpu { model: (*model).to_owned(), vram_mib: *vram_mib, ..Gpu::default() };
        let inventory = Inventory { gpus: gpus.iter().map(gpu).collect(), ..Inventory::default() };
        let machine = Some(Info {
            version: String::new(),
            cpu_cores: 16,
            memory_mib: 64_000,
            gvisor: false,
            user_namespace: None,
            image_folder: None,
        });
        Examined { findings: vec![], inventory, machine, free_disk_mib: 900_000 }
    }

    fn told(key: &Path) -> Told {
        let rig = RigOptions { node_key: Some(key.to_owned()), ..RigOptions::default() };
        Told { rig, ..Told::default() }
    }

    #[test]
    fn two_rigs_with_a_config_file_each_have_a_folder_each() {
        let folder = tempfile::tempdir().unwrap();
        let (here, key_path) = (folder.path().join(".worker"), folder.path().join("rig.json"));
        let at = |path: &str, source| settings::Found { value: PathBuf::from(path), source };
        let (usual, named) = (at("/home/a/config.toml", Source::Default), at("rigs/two.toml", Source::Flag));
        let own = |config: &settings::Found<PathBuf>| own_data_dir(&here, config, &key_path);
        assert_eq!((own(&usual), own(&named)), (here.clone(), PathBuf::from("rigs/.worker-two")));

        let key = address(&keys::load_or_create(&key_path).unwrap());
        let register = |node_key: Address| {
            let registration = serde_json::json!({ "node": Address([1; 32]), "node_key": node_key });
            fs::write(here.join("registration.json"), registration.to_string()).unwrap();
        };
        fs::create_dir(&here).unwrap();
        register(key);
        assert_eq!((own(&usual), own(&named)), (here.clone(), here.clone()), "it has worked here");
        register(Address([2; 32]));
        assert_eq!(own(&usual), folder.path().join(".worker-config"), "another rig works here");
        assert_eq!(own(&named), Path::new("rigs/.worker-two"));
    }

    #[test]
    fn key_and_config_are_written_together_and_again_change_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (config, key) = (folder.path().join("deep/config.toml"), folder.path().join("rig.json"));
        let (node_key, written) = write(&config, &key, &told(&key)).unwrap();
        assert!(written && node_key == address(&keys::load(&key).unwrap()));
        assert!(fs::read_to_string(&config).unwrap().contains(&key.display().to_string()));
        assert_eq!(write(&config, &key, &told(&key)).unwrap(), (node_key, false));
    }

    #[test]
    fn a_failure_leaves_neither_key_nor_config() {
        let folder = tempfile::tempdir().unwrap();
        let (config, key) = (folder.path().join("config.toml"), folder.path().join("rig.json"));

        fs::write(&config, "[worker]\nnode_key = \"/another.json\"\n").unwrap();
        let failure = write(&config, &key, &told(&key)).unwrap_err();
        assert_eq!((failure.code.as_ref(), failure.class), ("config-differs", ExitClass::Refused));
        assert!(!key.exists());

        fs::remove_file(&config).unwrap();
        fs::write(&key, "no key").unwrap();
        assert_eq!(write(&config, &key, &told(&key)).unwrap_err().code, "key-malformed");
        assert!(!config.exists());
        let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["rig.json"], "nothing else stays");
    }

    #[test]
    fn a_new_key_goes_where_its_config_cannot_be_made() {
        let folder = tempfile::tempdir().unwrap();
        // The key takes the config file's own place, so that only the last step fails.
        let path = folder.path().join("one");
        let failure = write(&path, &path, &told(&path)).unwrap_err();
        assert_eq!(failure.code, "config-unwritable");
        assert!(!path.exists());
    }

    #[test]
    fn the_commands_that_follow_are_short() {
        let mut prepared = Prepared {
            findings: vec![],
            node_key: Address([1; 32]),
            path: "rig.json".into(),
            data_dir: Some("/home/a/.worker".into()),
            hardware: "--cpus 16".to_owned(),
            config: "/home/a/.config/millrace/config.toml".into(),
            config_written: true,
            config_is_found: true,
        };
        let shown = format!("{}\n{}", prepared.human(Style::plain()), prepared.next().join("\n"));
        insta::assert_snapshot!(shown);
        prepared.config_is_found = false;
        assert_eq!(
            prepared.next()[1],
            "millrace --config /home/a/.config/millrace/config.toml worker run  (here, from then on)"
        );
        prepared.config_written = false;
        assert!(prepared.human(Style::plain()).ends_with("(it said so before)"));
        prepared.data_dir = None;
        assert!(!prepared.human(Style::plain()).contains("data "), "it is where the worker is started");
        prepared.config = "/home/a b/config.toml".into();
        assert!(prepared.next()[1].starts_with("millrace --config '/home/a b/config.toml' worker run"));
    }

    #[test]
    fn a_rig_is_described_as_node_add_takes_it() {
        let host = "--cpus 16 --memory 60800MiB --disk 899488MiB";
        assert_eq!(hardware(&examined(&[]), 512), host);
        let mixed = examined(&[("t4", 15_360), ("l4", 23_034), ("l4", 23_028)]);
        assert_eq!(hardware(&mixed, 512), format!("--gpu l4 --gpus 2 --vram 23028MiB {host}"));
        let mut driven = mixed;
        driven.inventory.software = Some(Software { driver: "570.86.15".to_owned(), cuda: "12.8".to_owned() });
        let told = "--driver 570.86.15 --cuda 12.8";
        assert_eq!(hardware(&driven, 512), format!("--gpu l4 --gpus 2 --vram 23028MiB {host} {told}"));
    }
}
