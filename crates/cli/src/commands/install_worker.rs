use std::path::{Path, PathBuf};

use millrace_protocol::{Address, Diagnostic};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use crate::args::{InstallWorker, SERVICE_DATA_DIR};
use crate::commands::drain_worker::pending_at_rest;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs::{self, is_same};
use crate::settings::Source;
use crate::shell::quoted;
use crate::systemd::{self, SERVICE, Systemd, Unit};

#[derive(Serialize)]
struct Installed {
    unit: PathBuf,
    text: String,
    /// Whether it was written; else it was only shown.
    written: bool,
    node_key: Address,
    user: String,
    data_dir: PathBuf,
    orchestrator: String,
    rpc_url: String,
    /// Whether nobody named the endpoint: root has no configuration of yours.
    rpc_url_is_default: bool,
    /// Where `sudo` does not look by itself; `None` where there is no config file.
    #[serde(skip)]
    config: Option<PathBuf>,
}

impl Report for Installed {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        if !self.written {
            return format!("# {}\n{}", self.unit.display(), self.text.trim_end());
        }
        let rpc_url = match self.rpc_url_is_default {
            true => style.warn(&format!("{}  (nobody named one: `--rpc-url`)", self.rpc_url)),
            false => self.rpc_url.clone(),
        };
        let rows = output::rows([
            ("unit", self.unit.display().to_string()),
            ("user", self.user.clone()),
            ("node key", self.node_key.to_string()),
            ("data folder", self.data_dir.display().to_string()),
            ("orchestrator", self.orchestrator.clone()),
            ("RPC endpoint", rpc_url),
        ]);
        format!("{}\n{rows}", style.good("the worker is a service now: it runs, and starts with the machine"))
    }

    fn next(&self) -> Vec<String> {
        if !self.written {
            let config = self.config.as_ref().map(|path| quoted(&path.display().to_string()));
            let config = config.map_or_else(String::new, |path| format!(", `--config {path}`"));
            return vec![format!(
                "the same command with `sudo`{config} and `--rpc-url {}`, and without `--print`, writes and starts it",
                quoted(&self.rpc_url)
            )];
        }
        vec![
            format!("systemctl status {SERVICE}"),
            format!("journalctl -u {SERVICE} -f"),
            "sudo millrace worker uninstall  (takes it away again)".to_owned(),
        ]
    }
}

/// In another folder nobody would look after what the rig's worker has promised, and its containers would be removed.
#[derive(Debug, Error)]
enum Moved {
    #[error("the service's worker still has {due} in {}", from.display())]
    Service { from: PathBuf, due: String },
    #[error("a worker that was run by hand still has {due} in {}", from.display())]
    ByHand { from: PathBuf, due: String },
}

impl Diagnostic for Moved {
    fn code(&self) -> &'static str {
        "worker-busy"
    }

    fn hint(&self) -> String {
        match self {
            Self::Service { from, .. } => {
                let from = quoted(&from.display().to_string());
                format!(
                    "stay there with `--data-dir {from}`; or finish them first: `sudo systemctl start {SERVICE}`, \
                     where it does not run, then `sudo millrace worker drain --wait --data-dir {from}`"
                )
            }
            Self::ByHand { from, .. } => {
                let from = quoted(&from.display().to_string());
                format!(
                    "install with `--data-dir {from}`, and the service goes on there; or finish them first: `millrace \
                     worker run --data-dir {from}`, where it does not run, until `millrace worker drain --wait \
                     --data-dir {from}` returns"
                )
            }
        }
    }
}

/// Makes the worker a service of systemd.
///
/// # Errors
/// A key file that is missing or is none, an orchestrator that no worker can dial, a machine without systemd, an
/// account that does not exist, a service or a worker run by hand that still has leases in another folder, a folder
/// that holds something else, a folder or unit that cannot be written, a `systemctl` that fails, a worker that ends
/// right after its start: [`systemd::Error`].
pub fn run(context: &Context<'_>, args: InstallWorker) -> Result<(), Failure> {
    let systemd = Systemd::of_machine();
    let key_path = rigs::node_key(args.rig.node_key.as_deref(), "install")?;
    let node_key = address(&rigs::load_key(key_path)?);
    millrace_worker::dialled_at(args.rig.orchestrator()).map_err(millrace_worker::Error::from)?;
    let unit = unit(&args, key_path, &context.settings.rpc_url.value)?;
    let text = unit.text()?;
    let written = !args.print;
    if written {
        if !systemd.is_here() {
            return Err(systemd::Error::Missing { command: by_hand(&args, &unit) }.into());
        }
        stays(systemd.data_dir(), &unit.data_dir)?;
        takes_over(context.settings.worker.data_dir(), node_key, &unit.data_dir)?;
        systemd.install(&unit)?;
    }
    let rpc_url = &context.settings.rpc_url;
    context.output.report(&Installed {
        unit: systemd.unit_path(),
        text,
        written,
        node_key,
        user: unit.user,
        data_dir: unit.data_dir,
        orchestrator: args.rig.orchestrator().to_owned(),
        rpc_url: rpc_url.value.clone(),
        rpc_url_is_default: rpc_url.source == Source::Default,
        config: Some(context.settings.config.value.clone()).filter(|path| path.exists()),
    });
    Ok(())
}

fn unit(args: &InstallWorker, node_key: &Path, rpc_url: &str) -> Result<Unit, Failure> {
    let absolute = |path: &Path| {
        std::path::absolute(path).map_err(|source| systemd::Error::Unwritable { path: path.to_owned(), source })
    };
    let program = std::env::current_exe()
        .map_err(|source| systemd::Error::Unwritable { path: PathBuf::from("millrace"), source })?;
    // Root may use any socket, and Docker's group has no say in another socket.
    let needs_group = args.user != "root" && args.rig.docker_host.is_none();
    Ok(Unit {
        program,
        rpc_url: rpc_url.to_owned(),
        data_dir: absolute(data_dir(args))?,
        user: args.user.clone(),
        docker_group: needs_group.then(|| "docker".to_owned()),
        node_key: absolute(node_key)?,
        words: args.rig.words(None),
    })
}

/// That the service has nothing at stake where it would not be any more.
fn stays(from: Option<PathBuf>, to: &Path) -> Result<(), Failure> {
    let Some(from) = from.filter(|from| !is_same(from, to)) else { return Ok(()) };
    match pending_at_rest(&from) {
        Some(due) => Err(Failure::refused(&Moved::Service { from, due })),
        None => Ok(()),
    }
}

/// That a worker of this node which was run by hand has nothing at stake where the service would not be. Another node's
/// containers are not the service's to remove.
fn takes_over(from: PathBuf, node_key: Address, to: &Path) -> Result<(), Failure> {
    let is_anothers = || millrace_worker::registered(&from).is_some_and(|kept| kept.node_key != node_key);
    if is_same(&from, to) || is_anothers() {
        return Ok(());
    }
    match pending_at_rest(&from) {
        Some(due) => Err(Failure::refused(&Moved::ByHand { from, due })),
        None => Ok(()),
    }
}

fn data_dir(args: &InstallWorker) -> &Path {
    args.rig.data_dir.as_deref().unwrap_or(Path::new(SERVICE_DATA_DIR))
}

/// What runs the same worker where something else looks after services, wherever that stands.
fn by_hand(args: &InstallWorker, unit: &Unit) -> String {
    let [data_dir, key] = [&unit.data_dir, &unit.node_key].map(|path| path.display().to_string());
    let mut words = vec!["millrace", "--rpc-url", &unit.rpc_url, "worker", "run", "--data-dir", &data_dir];
    let rig = args.rig.words(Some(&key));
    words.extend(rig.iter().map(String::as_str));
    words.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use millrace_worker::journal::Journal;
    use serde_json::json;

    use super::*;
    use crate::args::{Cli, Command, WorkerCommand};

    fn args(words: &str) -> InstallWorker {
        let cli = Cli::parse_from(["millrace", "worker", "install"].into_iter().chain(words.split(' ')));
        let Command::Worker(WorkerCommand::Install(args)) = cli.command else { panic!("another command") };
        args
    }

    #[test]
    fn paths_in_a_unit_do_not_depend_on_where_one_stands() {
        let args = args("--data-dir rig");
        let unit = unit(&args, Path::new("keys/rig.json"), "http://127.0.0.1:8899").unwrap();
        for path in [&unit.program, &unit.data_dir, &unit.node_key] {
            assert!(path.is_absolute(), "{}", path.display());
        }
        assert!(unit.node_key.ends_with("keys/rig.json"));
    }

    #[test]
    fn only_who_needs_dockers_group_gets_it() {
        for (words, group) in
            [("--print", Some("docker")), ("--user root", None), ("--docker-host tcp://127.0.0.1:2375", None)]
        {
            assert_eq!(
                unit(&args(words), Path::new("k"), "http://a").unwrap().docker_group.as_deref(),
                group,
                "{words}"
            );
        }
    }

    #[test]
    fn the_command_by_hand_is_whole() {
        let args = args("--no-network --data-dir rig");
        let unit = unit(&args, Path::new("rig 1.json"), "https://r/?key=1&b=2").unwrap();
        let here = std::env::current_dir().unwrap().display().to_string();
        assert_eq!(
            by_hand(&args, &unit),
            format!(
                "millrace --rpc-url 'https://r/?key=1&b=2' worker run --data-dir {here}/rig --node-key '{here}/rig 1.json' \
                 --orchestrator http://127.0.0.1:7071 --longest-lease 30d --disk-reserve 512MiB --image-cache 51200MiB \
                 --bid-share 10000 --no-network"
            )
        );
    }

    fn owe_a_result(journal: &mut Journal) {
        let (lease, root, salt) = (Address([1; 32]), "0".repeat(64), [0; 32]);
        let vote = json!({ "record": "vote_prepared", "lease": lease, "root": root, "salt": salt });
        journal.append(&serde_json::from_value(vote).unwrap()).unwrap();
    }

    #[test]
    fn a_service_with_something_at_stake_is_not_moved() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["from", "to"].map(|name| folder.path().join(name));
        std::fs::create_dir(&from).unwrap();
        let (mut journal, _) = Journal::open(&from).unwrap();
        assert_eq!(stays(Some(from.clone()), &to), Ok(()), "nothing is left behind");
        owe_a_result(&mut journal);
        assert_eq!((stays(None, &to), stays(Some(from.clone()), &from.join("."))), (Ok(()), Ok(())));
        let failure = stays(Some(from.clone()), &to).unwrap_err();
        assert_eq!(failure.code, "worker-busy");
        assert!(failure.message.contains("1 result to show in ") && failure.hint.contains("--data-dir"), "{failure:?}");
        assert!(failure.hint.contains("systemctl start"), "{failure:?}");
    }

    #[test]
    fn a_worker_by_hand_with_something_at_stake_is_not_made_a_service_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let [from, to] = ["by hand", "to"].map(|name| folder.path().join(name));
        let key = Address([2; 32]);
        assert_eq!(takes_over(from.clone(), key, &to), Ok(()), "none was run");
        std::fs::create_dir(&from).unwrap();
        let (mut journal, _) = Journal::open(&from).unwrap();
        assert_eq!(takes_over(from.clone(), key, &to), Ok(()), "nothing is left behind");
        owe_a_result(&mut journal);
        assert_eq!(takes_over(from.clone(), key, &from.join(".")), Ok(()));
        let refused = || takes_over(from.clone(), key, &to).unwrap_err();
        let (failure, quoted) = (refused(), format!("--data-dir '{}'`", from.display()));
        assert_eq!(
            (failure.code.as_ref(), failure.message.contains("by hand still has 1 result")),
            ("worker-busy", true)
        );
        assert_eq!(failure.hint.matches(&quoted).count(), 3, "{failure:?}");
        assert!(failure.hint.contains("`millrace worker run") && !failure.hint.contains("systemctl"), "{failure:?}");

        for (kept, is_anothers) in [(key, false), (Address([3; 32]), true)] {
            let registered = json!({ "node": Address([4; 32]), "node_key": kept }).to_string();
            std::fs::write(from.join("registration.json"), registered).unwrap();
            assert_eq!(takes_over(from.clone(), key, &to).is_ok(), is_anothers);
        }
    }

    #[test]
    fn a_config_file_that_is_not_there_is_not_named() {
        let mut shown = Installed {
            unit: "/etc/systemd/system/millrace-worker.service".into(),
            text: String::new(),
            written: false,
            node_key: Address([1; 32]),
            user: "millrace".to_owned(),
            data_dir: SERVICE_DATA_DIR.into(),
            orchestrator: "http://market.example:7071".to_owned(),
            rpc_url: "https://r/?key=1&b=2".to_owned(),
            rpc_url_is_default: false,
            config: None,
        };
        let said = "the same command with `sudo` and `--rpc-url 'https://r/?key=1&b=2'`, and without `--print`, writes";
        assert!(shown.next()[0].starts_with(said), "{:?}", shown.next());
        shown.config = Some("/home/a/config.toml".into());
        assert!(shown.next()[0].contains("`sudo`, `--config /home/a/config.toml` and"), "{:?}", shown.next());
    }
}
