use millrace_orchestrator::{Options, Service};
use serde::Serialize;
use serde_json::Value;

use crate::args::RunOrchestrator;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::logging;
use crate::output::{self, Report, Style};
use crate::signals::asked_to_stop_or_left_alone;

#[derive(Serialize)]
struct Up {
    scheduler: millrace_protocol::Address,
    http: String,
    link: String,
    data_dir: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<String>,
    /// It cannot pay for a single transaction, as far as is known: no job gets a lease.
    is_out_of_sol: bool,
}

impl Report for Up {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let metrics = self.metrics.as_ref().map_or_else(String::new, |url| format!("\nmetrics    {url}"));
        format!(
            "{}\nscheduler  {}\nbuyers     http://{}\nworkers    http://{}\njournal    {}{metrics}",
            style.good("orchestrator is up, Ctrl-C stops it"),
            self.scheduler,
            self.http,
            self.link,
            self.data_dir
        )
    }

    fn next(&self) -> Vec<String> {
        if self.is_out_of_sol {
            let scheduler = self.scheduler;
            return vec![format!(
                "send SOL to {scheduler}: it has none, and pays for every lease  (a local network gives some with \
                 `millrace localnet up --fund {scheduler}=1`)"
            )];
        }
        vec![
            format!("millrace worker run --orchestrator http://{} --node-key <PATH>", self.link),
            format!("millrace --orchestrator-url http://{} job submit <FILE>", self.http),
        ]
    }
}

/// Runs an orchestrator until it is asked to stop.
///
/// # Errors
/// A key that is not the network's scheduler, a port that is taken, a data folder that cannot be
/// used, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: RunOrchestrator) -> Result<(), Failure> {
    let stop = asked_to_stop_or_left_alone(args.until_stdin_closes);
    logging::start();
    let scheduler = context.keypair()?;
    let endpoints = context.endpoints();
    let options = Options {
        rpc_urls: endpoints.rpc,
        ws_urls: endpoints.ws,
        scheduler_key: scheduler.clone(),
        data_dir: args.data_dir.clone(),
        link_addr: args.link,
        http_addr: args.http,
        metrics: args.metrics,
        heartbeat: args.heartbeat,
        connections_per_address: args.connections_per_address,
        public_http_url: args.public_url,
        weights: args.weights.weights(),
        keep_jobs: args.keep_jobs,
    };
    let mut handle = Service::start(options).await?;
    let lamports = context.client().lamports(address(&scheduler)).await;
    context.output.report(&Up {
        scheduler: address(&scheduler),
        http: handle.http_addr().to_string(),
        link: handle.link_addr().to_string(),
        data_dir: args.data_dir.display().to_string(),
        metrics: handle.metrics().map(|address| format!("http://{address}/metrics")),
        is_out_of_sol: is_out_of_sol(lamports),
    });
    let broken = tokio::select! {
        () = stop => None,
        error = handle.ended() => Some(error),
    };
    handle.shutdown().await;
    broken.map_or(Ok(()), |error| Err(error.into()))
}

/// Not where an endpoint does not say: the orchestrator is up, and looks again each time it needs to know.
fn is_out_of_sol(lamports: Result<u64, millrace_client::Error>) -> bool {
    lamports.is_ok_and(|lamports| lamports == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_endpoint_that_does_not_answer_is_no_reason_to_stop() {
        let client =
            millrace_client::Client::new(millrace_client::Endpoints::new("http://127.0.0.1:1", "ws://127.0.0.1:1"));
        let unread = client.lamports(millrace_protocol::Address([1; 32])).await;
        assert!(unread.is_err());
        assert!(!is_out_of_sol(unread));
        assert!(is_out_of_sol(Ok(0)) && !is_out_of_sol(Ok(1)));
    }
}
