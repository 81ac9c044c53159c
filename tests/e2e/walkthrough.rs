//! docs/walkthrough.md is true: its commands are run as they stand there, and print what it shows.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::network::binary;

/// What a service or the state of a job may take to become what the page says.
const PATIENCE: Duration = Duration::from_secs(90);

/// A command of the page, and the lines under it.
struct Step {
    command: String,
    shown: Vec<String>,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for block in page.split("```console\n").skip(1) {
        for line in block.split("```").next().unwrap().lines() {
            match line.strip_prefix("$ ") {
                Some(command) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
                None => steps.last_mut().unwrap().shown.push(line.to_owned()),
            }
        }
    }
    steps
}

/// The words of a line that are the same each time: no amounts, no addresses.
fn words(line: &str) -> Vec<&str> {
    let stable = |word: &&str| {
        let mixed =
            word.chars().skip(1).any(|c| c.is_ascii_uppercase()) && word.contains(|c: char| c.is_ascii_lowercase());
        !word.contains(|c: char| c.is_ascii_digit()) && !mixed && word.len() < 32
    };
    line.split_whitespace().filter(stable).collect()
}

/// The first line of the page that was not printed.
fn missing<'a>(shown: &'a [String], printed: &str) -> Option<&'a String> {
    shown.iter().filter(|line| *line != "…").find(|line| {
        let wanted = words(line);
        !printed.lines().any(|line| {
            let mut found = line.split_whitespace();
            wanted.iter().all(|word| found.any(|other| other == *word))
        })
    })
}

/// One shell session: a folder, its environment, and the services started in it.
struct Session {
    folder: tempfile::TempDir,
    environment: BTreeMap<String, String>,
    ports: [u16; 4],
    services: Vec<(Child, PathBuf)>,
}

impl Session {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
        assert!(Command::new("cp").arg("-r").arg(examples).arg(folder.path()).status().unwrap().success());
        let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = held.each_ref().map(|listener| listener.local_addr().unwrap().port());
        let [rpc, ws, http, _] = ports;
        let path = format!("{}:{}", binary().parent().unwrap().display(), std::env::var("PATH").unwrap());
        let environment = BTreeMap::from(
            [
                ("PATH", path),
                ("HOME", folder.path().display().to_string()),
                ("NO_COLOR", "1".to_owned()),
                ("MILLRACE_RPC_URL", format!("http://127.0.0.1:{rpc}")),
                ("MILLRACE_WS_URL", format!("ws://127.0.0.1:{ws}")),
                ("MILLRACE_ORCHESTRATOR_URL", format!("http://127.0.0.1:{http}")),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        Self { folder, environment, ports, services: Vec::new() }
    }

    fn shell(&self, script: &str) -> Command {
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.folder.path()).env_clear().envs(&self.environment);
        command.stdin(Stdio::null());
        command
    }

    /// Runs a command to its end; returns whether it succeeded, and all that it printed.
    fn run(&mut self, command: &str) -> (bool, String) {
        let variable = command.split_once("=$(").map(|(name, _)| name).filter(|name| !name.contains(' '));
        let script = match variable {
            Some(name) => format!("{command}; status=$?; echo \"${name}\"; exit $status"),
            None => command.to_owned(),
        };
        let output = self.shell(&script).output().unwrap();
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        if let Some(name) = variable {
            self.environment.insert(name.to_owned(), stdout.trim().to_owned());
        }
        (output.status.success(), stdout + &String::from_utf8_lossy(&output.stderr))
    }

    /// Starts a service on free ports and waits until it has printed what the page shows.
    fn serve(&mut self, step: &Step) {
        let [rpc, ws, http, link] = self.ports;
        let ports = match step.command.as_str() {
            command if command.contains("localnet up") => format!("--rpc-port {rpc} --ws-port {ws}"),
            command if command.contains("orchestrator run") => {
                format!("--http 127.0.0.1:{http} --link 127.0.0.1:{link}")
            }
            _ => format!("--orchestrator http://127.0.0.1:{link}"),
        };
        let log = self.folder.path().join(format!("{}.log", self.services.len()));
        let file = std::fs::File::create(&log).unwrap();
        let mut command = self.shell(&format!("exec {} {ports}", step.command));
        // A group of its own, so that nothing of it is left behind.
        command.process_group(0).stdout(file.try_clone().unwrap()).stderr(file);
        self.services.push((command.spawn().unwrap(), log.clone()));
        self.patiently(step, |_| std::fs::read_to_string(&log).unwrap());
    }

    fn patiently(&mut self, step: &Step, mut print: impl FnMut(&mut Self) -> String) {
        let started = Instant::now();
        loop {
            let printed = print(self);
            let Some(line) = missing(&step.shown, &printed) else { return };
            assert!(started.elapsed() < PATIENCE, "`{}` does not print `{line}`:\n{printed}", step.command);
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn take(&mut self, step: &Step) {
        let fails = step.shown.iter().any(|line| line.starts_with("error["));
        let is_service = ["localnet up", "orchestrator run", "worker run"].iter().any(|run| step.command.contains(run));
        if is_service && !fails {
            return self.serve(step);
        }
        // What only looks may be asked again until the market has come so far.
        if ["job list", "job show", "job logs", "provider show"].iter().any(|look| step.command.contains(look)) {
            return self.patiently(step, |session| session.run(&step.command).1);
        }
        let (succeeded, printed) = self.run(&step.command);
        assert_eq!(succeeded, !fails, "`{}` says\n{printed}", step.command);
        assert_eq!(missing(&step.shown, &printed), None, "`{}` says\n{printed}", step.command);
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // The worker was started last and goes first.
        for (service, log) in self.services.iter_mut().rev() {
            let _ = Command::new("kill").args(["-INT", &service.id().to_string()]).status();
            let _ = service.wait();
            if std::thread::panicking() {
                eprintln!("--- {}", std::fs::read_to_string(log).unwrap_or_default());
            }
        }
    }
}

#[test]
fn the_walkthrough_is_what_happens() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/walkthrough.md");
    let steps = steps(&std::fs::read_to_string(page).unwrap());
    let mut session = Session::new();
    for step in &steps {
        eprintln!("$ {}", step.command);
        session.take(step);
    }
    assert_eq!(session.services.len(), 3);
}
