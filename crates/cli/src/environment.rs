//! Every environment variable that Millrace reads, declared once.

/// A variable and what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    pub name: &'static str,
    pub meaning: &'static str,
}

pub const CONFIG: Variable =
    Variable { name: "MILLRACE_CONFIG", meaning: "Path of the config file [default: ~/.config/millrace/config.toml]" };
pub const RPC_URL: Variable = Variable { name: "MILLRACE_RPC_URL", meaning: "Solana JSON-RPC endpoint" };
pub const WS_URL: Variable = Variable { name: "MILLRACE_WS_URL", meaning: "Solana WebSocket endpoint" };
pub const ORCHESTRATOR_URL: Variable =
    Variable { name: "MILLRACE_ORCHESTRATOR_URL", meaning: "HTTP endpoint of the network's orchestrator" };
pub const KEYPAIR: Variable =
    Variable { name: "MILLRACE_KEYPAIR", meaning: "Path of the signing keypair (Solana JSON)" };
pub const DOCKER_HOST: Variable =
    Variable { name: "DOCKER_HOST", meaning: "Docker or Podman socket of a rig whose flags name none" };
pub const LOG: Variable =
    Variable { name: "MILLRACE_LOG", meaning: "Log filter of services, such as `millrace_worker=debug`" };
pub const LOG_FORMAT: Variable =
    Variable { name: "MILLRACE_LOG_FORMAT", meaning: "`json`: logs of services as one JSON object a line" };
pub const NO_COLOR: Variable = Variable { name: "NO_COLOR", meaning: "Any value: no color in the output" };

/// All of them, in the order in which help shows them.
pub const ALL: [Variable; 9] =
    [CONFIG, RPC_URL, WS_URL, ORCHESTRATOR_URL, KEYPAIR, DOCKER_HOST, LOG, LOG_FORMAT, NO_COLOR];

/// What the process was started with; absent and empty are the same.
pub fn of_process(variable: Variable) -> Option<String> {
    std::env::var(variable.name).ok().filter(|value| !value.is_empty())
}

/// The variables as a section of the help text.
pub fn help() -> String {
    let width = ALL.iter().map(|variable| variable.name.len()).max().unwrap_or_default();
    let lines = ALL.iter().map(|variable| format!("  {:width$}  {}", variable.name, variable.meaning));
    format!("Environment:\n{}", lines.collect::<Vec<_>>().join("\n"))
}
