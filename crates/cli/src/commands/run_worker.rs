use std::path::PathBuf;
use std::time::Duration;

use millrace_protocol::{Address, BasisPoints, Seconds};
use millrace_worker::{Options, PullPolicy, Service};
use serde::Serialize;
use serde_json::Value;

use crate::args::RunWorker;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::logging;
use crate::output::{self, Report, Style};
use crate::rigs;
use crate::signals::asked_to_stop_or_left_alone;

#[derive(Serialize)]
struct Up {
    node: Address,
    node_key: Address,
    orchestrator: String,
    data_dir: PathBuf,
    /// Where Prometheus finds them, if anywhere.
    metrics: Option<String>,
    simulated_gpus: Vec<String>,
    /// What the node's key has for fees; `None` where the chain did not answer in time.
    lamports: Option<u64>,
}

/// What a worker wants to see before it commits to a result that is counted, and hundreds of other transactions. A node
/// pays for some itself: a longer start, a hold, a voucher that nobody else redeems.
const ENOUGH: u64 = 3_000_000;

/// How long the chain has to say what is there for fees: the worker works meanwhile.
const PATIENCE: Duration = Duration::from_secs(3);

impl Report for Up {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let gpus = match self.simulated_gpus.as_slice() {
            [] => "those that the driver tells of, if any".to_owned(),
            gpus => format!("{} (simulated)", gpus.join(", ")),
        };
        let fees = match self.lamports {
            None => style.warn("unknown: the chain did not answer"),
            Some(lamports) if lamports < ENOUGH => style.warn(&sol(lamports)),
            Some(lamports) => sol(lamports),
        };
        let metrics = self.metrics.as_ref().map_or_else(String::new, |url| format!("\nmetrics       {url}"));
        format!(
            "{}\nnode          {}\nnode key      {}\nfor fees      {fees}\nGPUs          {gpus}\norchestrator  {}\njournal       \
             {}{metrics}",
            style.good("worker is up, Ctrl-C stops it; its containers go on and the next start adopts them"),
            self.node,
            self.node_key,
            self.orchestrator,
            self.data_dir.display()
        )
    }

    fn next(&self) -> Vec<String> {
        let leave = "leave it running: leases come by themselves; `millrace worker status` tells how it is, and \
                     `millrace worker earnings` what they earned";
        let mut next = vec![leave.to_owned()];
        if self.lamports.is_some_and(|lamports| lamports < ENOUGH) {
            next.push(format!(
                "send {} to {}: its own fees save its bond when an image is slow or the orchestrator away",
                sol(10 * ENOUGH),
                self.node_key
            ));
        }
        next
    }
}

/// Runs a worker until it is asked to stop, or can go on no more.
///
/// # Errors
/// A key the chain does not know, hardware that is not as registered, Docker or an RPC endpoint that
/// cannot be reached, a disk that is full, a journal that cannot be written.
pub async fn run(context: &Context<'_>, args: RunWorker) -> Result<(), Failure> {
    let stop = asked_to_stop_or_left_alone(args.until_stdin_closes);
    logging::start();
    let node_key = rigs::load_key(rigs::node_key(args.rig.node_key.as_deref(), "run")?)?;
    let key_address = address(&node_key);
    let simulated_gpus =
        args.rig.simulated_gpu.iter().map(|gpu| format!("{} {} MiB", gpu.model, gpu.vram_mib)).collect();
    let rpc_urls = context.endpoints().rpc;
    let data_dir = args.rig.data_dir();
    let orchestrator = args.rig.orchestrator().to_owned();
    let defaults = Options::new(&orchestrator, node_key, &data_dir, rpc_urls);
    let options = Options {
        longest_lease: Seconds(args.rig.longest_lease().as_secs()),
        disk_reserve_mib: u64::from(args.rig.disk_reserve()),
        image_cache_mib: u64::from(args.rig.image_cache()),
        bid_share: Some(args.rig.bid_share()).filter(|share| *share > BasisPoints::ZERO),
        docker_host: args.rig.docker_host,
        simulated_gpus: args.rig.simulated_gpu,
        pull: if args.rig.never_pull { PullPolicy::Never } else { PullPolicy::IfMissing },
        registries: args.rig.registry,
        allow_network: !args.rig.no_network,
        resolvers: if args.rig.resolver.is_empty() { defaults.resolvers } else { args.rig.resolver },
        advertised_address: args.rig.advertise,
        metrics: args.rig.metrics,
        any_attestor: args.rig.any_attestor,
        any_toolkit: args.rig.any_toolkit,
        ..defaults
    };
    let mut stop = std::pin::pin!(stop);
    let handle = tokio::select! {
        handle = Service::start(options) => handle?,
        // It may wait for an engine that does not answer.
        () = &mut stop => return Ok(()),
    };
    // A rig with something at stake starts without the chain.
    let lamports = tokio::time::timeout(PATIENCE, context.client().lamports(key_address)).await;
    context.output.report(&Up {
        node: handle.node(),
        node_key: key_address,
        orchestrator,
        data_dir: handle.data_dir().to_owned(),
        metrics: handle.metrics().map(|address| format!("http://{address}/metrics")),
        simulated_gpus,
        lamports: lamports.ok().and_then(Result::ok),
    });
    Ok(handle.run_until(stop).await?)
}

/// `0.01 SOL`.
fn sol(lamports: u64) -> String {
    let decimals = format!("{:09}", lamports % 1_000_000_000);
    let decimals = decimals.trim_end_matches('0');
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{}{point}{decimals} SOL", lamports / 1_000_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(lamports: Option<u64>) -> Up {
        Up {
            node: Address([1; 32]),
            node_key: Address([2; 32]),
            orchestrator: "http://market.example:7071".to_owned(),
            data_dir: "/srv/rig".into(),
            metrics: None,
            simulated_gpus: vec![],
            lamports,
        }
    }

    #[test]
    fn a_chain_that_is_away_leaves_the_fees_unknown() {
        let unknown = up(None);
        insta::assert_snapshot!(format!("{}\n{}", unknown.human(Style::plain()), unknown.next().join("\n")));
        assert_eq!(unknown.json()["lamports"], Value::Null);
    }

    #[test]
    fn a_key_with_little_for_fees_is_to_be_sent_some() {
        let (little, enough) = (up(Some(ENOUGH - 1)), up(Some(ENOUGH)));
        assert!(little.next()[1].starts_with("send 0.03 SOL to "), "{:?}", little.next());
        assert!(enough.next().len() == 1 && enough.human(Style::plain()).contains("for fees      0.003 SOL\n"));
    }

    #[test]
    fn sol_is_written_without_trailing_zeros() {
        for (lamports, text) in
            [(0, "0 SOL"), (5_000, "0.000005 SOL"), (2_500_000_000, "2.5 SOL"), (10_000_000, "0.01 SOL")]
        {
            assert_eq!(sol(lamports), text);
        }
    }
}
