//! What a rig's owner has set once, under what a command was told.

use super::Settings;
use crate::args::{ExamineRig, InstallWorker, PrepareRig, RigOptions, RunWorker, WorkerCommand};

impl Settings {
    /// The command with what its flags leave open as environment and config file say it.
    pub fn complete(&self, command: WorkerCommand) -> WorkerCommand {
        let here = self.worker_of_process();
        match command {
            WorkerCommand::Run(args) => WorkerCommand::Run(RunWorker { rig: args.rig.over(&here), ..args }),
            WorkerCommand::Doctor(args) => WorkerCommand::Doctor(ExamineRig { rig: args.rig.over(&here) }),
            WorkerCommand::Init(args) => {
                let node_key = args.node_key.or_else(|| here.node_key.clone());
                WorkerCommand::Init(PrepareRig { node_key, rig: args.rig.over(&here) })
            }
            WorkerCommand::Install(args) => {
                // The service has an environment of its own, without this one's engine.
                WorkerCommand::Install(InstallWorker { rig: args.rig.over(&self.worker), ..args })
            }
            // Who asks a worker also looks where a service has its folder: `rigs::data_dir`.
            WorkerCommand::Status(_)
            | WorkerCommand::Top(_)
            | WorkerCommand::Bids(_)
            | WorkerCommand::Drain(_)
            | WorkerCommand::Earnings(_)
            | WorkerCommand::Prove
            | WorkerCommand::Uninstall(_) => command,
        }
    }

    fn worker_of_process(&self) -> RigOptions {
        let docker_host = self.worker.docker_host.clone().filter(|_| self.docker_host.is_none());
        RigOptions { docker_host, ..self.worker.clone() }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use clap::Parser;
    use millrace_protocol::BasisPoints;

    use super::*;
    use crate::args::{Cli, Command};
    use crate::environment::Variable;
    use crate::settings::{Flags, parse_config};

    const CONFIG: &str = r#"
rpc_url = "http://file:1"

[worker]
node_key = "/file/rig.json"
data_dir = "/file/data"
orchestrator = "http://file:7071"
docker_host = "unix:///file.sock"
simulated_gpu = ["l4:9", "t4:5"]
never_pull = true
registry = ["hub.lan"]
no_network = true
resolver = ["9.9.9.9"]
advertise = "rig.example"
longest_lease = "2d"
disk_reserve = "3GiB"
image_cache = "7GiB"
metrics = "127.0.0.1:9477"
any_attestor = true
any_toolkit = true
bid_share = 9000
"#;

    fn completed(docker_host: Option<&str>, words: &str) -> WorkerCommand {
        completed_by(CONFIG, docker_host, words)
    }

    fn completed_by(config: &str, docker_host: Option<&str>, words: &str) -> WorkerCommand {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("config.toml");
        std::fs::write(&path, config).unwrap();
        let flags = Flags { config: Some(path), ..Flags::default() };
        let env = |variable: Variable| docker_host.filter(|_| variable.name == "DOCKER_HOST").map(str::to_owned);
        let settings = Settings::resolve(&flags, &env, home.path()).unwrap();
        let Command::Worker(command) =
            Cli::parse_from(["millrace", "worker"].into_iter().chain(words.split(' '))).command
        else {
            panic!("another command")
        };
        settings.complete(command)
    }

    fn run(docker_host: Option<&str>, words: &str) -> RigOptions {
        let WorkerCommand::Run(args) = completed(docker_host, words) else { panic!("another command") };
        args.rig
    }

    #[test]
    fn each_flag_of_a_worker_may_stand_in_the_config_file() {
        let words = "run --node-key /file/rig.json --data-dir /file/data --orchestrator http://file:7071 --docker-host \
                     unix:///file.sock --simulated-gpu l4:9 --simulated-gpu t4:5 --never-pull --registry hub.lan \
                     --no-network --resolver 9.9.9.9 --advertise rig.example --longest-lease 2d --disk-reserve 3GiB \
                     --image-cache 7GiB --metrics 127.0.0.1:9477 --any-attestor --any-toolkit --bid-share 9000";
        let Command::Worker(WorkerCommand::Run(told)) =
            Cli::parse_from(["millrace", "worker"].into_iter().chain(words.split(' '))).command
        else {
            panic!("another command")
        };
        assert_eq!(run(None, "run"), told.rig);
    }

    #[test]
    fn flags_go_before_the_environment_and_that_before_the_config_file() {
        assert_eq!(run(None, "run").docker_host.unwrap(), "unix:///file.sock");
        assert_eq!(run(Some("unix:///env.sock"), "run").docker_host, None, "the worker reads its environment itself");
        let flag = run(Some("unix:///env.sock"), "run --docker-host unix:///flag.sock");
        assert_eq!(flag.docker_host.unwrap(), "unix:///flag.sock");

        let rig = run(
            None,
            "run --node-key flag.json --data-dir flag --orchestrator http://flag:1 --simulated-gpu a10:7 --resolver ::1 \
             --registry other.lan --advertise flag.example --longest-lease 1d --disk-reserve 1GiB --image-cache 2GiB \
             --metrics 127.0.0.1:1 --bid-share 0",
        );
        assert_eq!(rig.node_key.as_deref(), Some(Path::new("flag.json")));
        assert_eq!(rig.data_dir.as_deref(), Some(Path::new("flag")));
        assert_eq!((rig.orchestrator(), rig.advertise.as_deref()), ("http://flag:1", Some("flag.example")));
        assert_eq!((rig.simulated_gpu.len(), rig.resolver.len()), (1, 1), "a list is one value");
        assert_eq!(
            (rig.registry, rig.longest_lease),
            (vec!["other.lan".to_owned()], Some(Duration::from_secs(86_400)))
        );
        assert_eq!((rig.disk_reserve, rig.image_cache), (Some(1_024), Some(2_048)));
        assert_eq!((rig.metrics.unwrap().port(), rig.bid_share), (1, Some(BasisPoints::ZERO)));
    }

    #[test]
    fn a_service_gets_the_configs_engine_whatever_this_environment_says() {
        let WorkerCommand::Install(args) = completed(Some("unix:///env.sock"), "install") else {
            panic!("another command")
        };
        assert_eq!(args.rig.docker_host.as_deref(), Some("unix:///file.sock"));
        assert_eq!(args.user, "millrace", "what is not the rig's stays");
    }

    #[test]
    fn doctor_and_init_look_at_the_rig_of_the_config_file() {
        for (words, folder) in [("doctor", "/file/data"), ("init", "/file/data"), ("init --data-dir flag", "flag")] {
            let rig = match completed(None, words) {
                WorkerCommand::Doctor(args) => args.rig,
                WorkerCommand::Init(args) => {
                    assert_eq!(args.node_key.as_deref(), Some(Path::new("/file/rig.json")));
                    args.rig
                }
                other => panic!("{other:?}"),
            };
            assert_eq!((rig.data_dir(), rig.disk_reserve()), (PathBuf::from(folder), 3_072), "{words}");
            assert_eq!(rig.orchestrator.as_deref(), Some("http://file:7071"), "{words}");
            assert_eq!(rig.docker_host.as_deref(), Some("unix:///file.sock"), "{words}");
        }
    }

    #[test]
    fn a_folder_to_run_in_is_no_services() {
        let config = CONFIG.replace("data_dir", "run_dir");
        for (words, folder) in [("run", "/file/data"), ("run --data-dir flag", "flag")] {
            let WorkerCommand::Run(args) = completed_by(&config, None, words) else { panic!("another command") };
            assert_eq!(args.rig.data_dir(), PathBuf::from(folder), "{words}");
        }
        for (words, folder) in [("doctor", "/file/data"), ("init", "/file/data"), ("init --data-dir flag", "flag")] {
            let rig = match completed_by(&config, None, words) {
                WorkerCommand::Doctor(args) => args.rig,
                WorkerCommand::Init(args) => args.rig,
                other => panic!("{other:?}"),
            };
            assert_eq!(rig.data_dir(), PathBuf::from(folder), "{words}");
        }
        let WorkerCommand::Install(args) = completed_by(&config, None, "install") else { panic!("another command") };
        assert_eq!(args.rig.data_dir, None);
    }

    #[test]
    fn a_value_is_held_to_the_rule_of_its_flag() {
        for line in [
            "longest_lease = \"2 days\"",
            "disk_reserve = \"3 parsecs\"",
            "metrics = \"here\"",
            "advertise = \"\"",
            "registry = [\"http://hub/lan\"]",
            "simulated_gpu = [\"none\"]",
            "resolver = [\"resolver.example\"]",
            "bid_share = 10001",
            "never_pull = \"yes\"",
            "user = \"millrace\"",
        ] {
            assert!(parse_config(Path::new("c"), &format!("[worker]\n{line}\n")).is_err(), "{line}");
        }
    }
}
