use std::path::{Path, PathBuf};

use millrace_protocol::Address;
use serde::Serialize;
use serde_json::Value;

use crate::args::{InstallWorker, SERVICE_DATA_DIR};
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::rigs;
use crate::settings::Source;
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
    /// Where `sudo` does not look by itself.
    #[serde(skip)]
    config: PathBuf,
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
            return vec![format!(
                "the same command with `sudo`, `--config {}` and `--rpc-url {}`, and without `--print`, writes and starts \
                 it",
                self.config.display(),
                self.rpc_url
            )];
        }
        vec![
            format!("systemctl status {SERVICE}"),
            format!("journalctl -u {SERVICE} -f"),
            "sudo millrace worker uninstall  (takes it away again)".to_owned(),
        ]
    }
}

/// Makes the worker a service of systemd.
///
/// # Errors
/// A key file that is missing or is none, an orchestrator that no worker can dial, a machine without systemd, an
/// account that does not exist, a folder that holds something else, a folder or unit that cannot be written, a
/// `systemctl` that fails, a worker that ends right after its start: [`systemd::Error`].
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
            return Err(
                systemd::Error::Missing { command: by_hand(&args, key_path, &context.settings.rpc_url.value) }.into()
            );
        }
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
        config: context.settings.config.value.clone(),
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

fn data_dir(args: &InstallWorker) -> &Path {
    args.rig.data_dir.as_deref().unwrap_or(Path::new(SERVICE_DATA_DIR))
}

/// What runs the same worker where something else looks after services.
fn by_hand(args: &InstallWorker, node_key: &Path, rpc_url: &str) -> String {
    let key = node_key.display().to_string();
    let words = args.rig.words(Some(&key)).join(" ");
    format!("millrace --rpc-url {rpc_url} worker run --data-dir {} {words}", data_dir(args).display())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

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
        let command = by_hand(&args("--no-network"), Path::new("rig.json"), "http://r:1");
        assert_eq!(
            command,
            "millrace --rpc-url http://r:1 worker run --data-dir /var/lib/millrace --node-key rig.json --orchestrator \
             http://127.0.0.1:7071 --longest-lease 30d --disk-reserve 512MiB --image-cache \
             51200MiB --bid-share 10000 --no-network"
        );
    }
}
