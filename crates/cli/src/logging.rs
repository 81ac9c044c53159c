//! Logs of the services, on stderr.

use tracing_subscriber::EnvFilter;

use crate::environment;

/// Writes logs from now on, filtered as `MILLRACE_LOG` says.
pub fn start() {
    let wanted = environment::of_process(environment::LOG).unwrap_or_else(|| "info".to_owned());
    let filter = EnvFilter::try_new(&wanted).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
}
