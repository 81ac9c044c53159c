use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use millrace_orchestrator::Weights;
use millrace_protocol::{BasisPoints, PricePerGpuHour, Seconds};

use super::{parse_basis_points, parse_duration, parse_listen, parse_price, parse_seconds};

#[derive(Debug, Subcommand)]
pub enum OrchestratorCommand {
    /// Match jobs to nodes, hand out tasks, sign vouchers, settle
    Run(RunOrchestrator),
}

#[derive(Debug, Args)]
#[command(after_help = "Example:
  millrace orchestrator run --keypair scheduler.json --data-dir /var/lib/millrace \\
      --link 0.0.0.0:7071 --http 0.0.0.0:7070 --public-url http://market.example:7070")]
pub struct RunOrchestrator {
    /// Journal and objects; state that the chain does not hold
    #[arg(long, value_name = "DIR", default_value = ".orchestrator")]
    pub data_dir: PathBuf,
    /// Where workers connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7071", value_parser = parse_listen)]
    pub link: SocketAddr,
    /// Where buyers and dashboards connect
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7070", value_parser = parse_listen)]
    pub http: SocketAddr,
    /// How others reach --http; needed where that is 0.0.0.0 [default: http://<--http>]
    #[arg(long, value_name = "URL")]
    pub public_url: Option<String>,
    /// Connections that one address may have to each endpoint, /64 networks of IPv6 counting as one; more where many
    /// come through a proxy on another machine
    #[arg(long, value_name = "COUNT", default_value_t = 256, value_parser = parse_connections)]
    pub connections_per_address: usize,
    /// Serve Prometheus metrics under /metrics, on this machine alone where no address is given [default: nowhere]
    #[arg(
        long,
        value_name = "ADDRESS",
        num_args = 0..=1,
        default_missing_value = "127.0.0.1:9478",
        value_parser = parse_listen
    )]
    pub metrics: Option<SocketAddr>,
    /// How often workers report; three missed ones end a lease's tasks
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = parse_duration)]
    pub heartbeat: Duration,
    /// How long jobs, their logs and their results are kept once they are closed, 10m at least
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = parse_keeping)]
    pub keep_jobs: Seconds,
    #[command(flatten)]
    pub weights: WeightOptions,
    /// Stop when stdin closes: for services started by another process
    #[arg(long, hide = true)]
    pub until_stdin_closes: bool,
}

/// What a node is charged beside its price when the best one for a lease is looked for. Nobody pays it.
#[derive(Debug, Args)]
#[command(next_help_heading = "What nodes are charged beside their price, when one is chosen")]
pub struct WeightOptions {
    /// For a reputation of zero, in hundredths of a percent of the price; in proportion for others [default: 2000]
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub weigh_reputation: Option<BasisPoints>,
    /// For a link that moves nothing, in hundredths of a percent of the price; in proportion up to a fast one
    /// [default: 500]
    #[arg(long, value_name = "BPS", value_parser = parse_basis_points)]
    pub weigh_link: Option<BasisPoints>,
    /// From how many megabits per second on a link counts as fast, as measured where objects are kept [default: 100]
    #[arg(long, value_name = "MBIT", value_parser = clap::value_parser!(u32).range(1..))]
    pub fast_link: Option<u32>,
    /// For an image that the node would have to pull, in USDC per GPU and hour [default: 0.005]
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub weigh_image: Option<PricePerGpuHour>,
    /// For each GPU left idle in a rig that was whole, in USDC per GPU and hour [default: 0.002]
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub weigh_packing: Option<PricePerGpuHour>,
    /// For each size of request that no other node could take any more, in USDC per GPU and hour [default: 0.3]
    #[arg(long, value_name = "USDC", value_parser = parse_price)]
    pub weigh_scarcity: Option<PricePerGpuHour>,
}

impl WeightOptions {
    /// The scheduler's own, but for what was given.
    pub fn weights(&self) -> Weights {
        let default = Weights::default();
        Weights {
            reputation: self.weigh_reputation.unwrap_or(default.reputation),
            link: self.weigh_link.unwrap_or(default.link),
            fast_link: self.fast_link.map_or(default.fast_link, kib_per_second),
            image: self.weigh_image.unwrap_or(default.image),
            packing: self.weigh_packing.unwrap_or(default.packing),
            scarcity: self.weigh_scarcity.unwrap_or(default.scarcity),
        }
    }
}

fn parse_connections(text: &str) -> Result<usize, String> {
    text.parse::<usize>().ok().filter(|count| *count > 0).ok_or_else(|| "write a number above 0".to_owned())
}

fn kib_per_second(megabits: u32) -> u32 {
    u32::try_from(u64::from(megabits) * 1_000_000 / 8 / 1024).unwrap_or(u32::MAX)
}

/// What was read of a job while it lived may come some minutes late, and would bring it back.
fn parse_keeping(text: &str) -> Result<Seconds, String> {
    let kept = parse_seconds(text)?;
    if kept.0 < 600 { Err("jobs are kept for `10m` at least".to_owned()) } else { Ok(kept) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{Cli, Command};

    fn weights(words: &str) -> Weights {
        let cli = Cli::parse_from(["millrace", "orchestrator", "run"].into_iter().chain(words.split_whitespace()));
        let Command::Orchestrator(OrchestratorCommand::Run(run)) = cli.command else { panic!("another command") };
        run.weights.weights()
    }

    #[test]
    fn weights_are_the_schedulers_own_but_for_what_is_given() {
        assert_eq!(weights(""), Weights::default());
        assert_eq!(weights("--fast-link 100"), Weights::default());
        let shares = "--weigh-reputation 0 --weigh-link 9 --fast-link 8";
        let given = weights(&format!("{shares} --weigh-image 0.25 --weigh-packing 0.01 --weigh-scarcity 0"));
        let (reputation, link) = (BasisPoints(0), BasisPoints(9));
        let [image, packing, scarcity] = [250_000, 10_000, 0].map(PricePerGpuHour);
        assert_eq!(given, Weights { reputation, link, fast_link: 976, image, packing, scarcity });
    }

    #[test]
    fn jobs_are_kept_for_thirty_days_or_as_said_but_for_ten_minutes_at_least() {
        let run = |words: &str| {
            Cli::try_parse_from(["millrace", "orchestrator", "run"].into_iter().chain(words.split_whitespace()))
        };
        let kept = |words: &str| match run(words).unwrap().command {
            Command::Orchestrator(OrchestratorCommand::Run(run)) => run.keep_jobs,
            other => panic!("another command: {other:?}"),
        };
        assert_eq!(kept(""), Seconds(30 * 86_400));
        assert_eq!(kept("--keep-jobs 10m"), Seconds(600));
        for words in ["--keep-jobs 599s", "--keep-jobs 0s", "--keep-jobs 900000ms1"] {
            assert!(run(words).is_err(), "{words}");
        }
    }
}
