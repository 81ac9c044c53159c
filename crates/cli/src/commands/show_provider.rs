use millrace_client::accounts::ProviderAccount;
use millrace_client::address as addresses;
use millrace_protocol::{Address, BasisPoints, MicroUsdc, ProviderStatus, Unbonding, UnixSeconds};
use serde::Serialize;
use serde_json::Value;

use crate::args::ShowProvider;
use crate::context::{Context, address};
use crate::errors::Failure;
use crate::output::{self, Report, Style};
use crate::views::duration::in_time;

#[derive(Serialize)]
struct Shown {
    provider: Address,
    owner: Address,
    name: String,
    status: ProviderStatus,
    nodes: u32,
    /// From 0 to 10 000, as of now.
    reputation: BasisPoints,
    /// Whose USDC account earnings go to.
    payout: Address,
    /// Who takes over, and when.
    next_payout: Option<(Address, UnixSeconds)>,
    stake: MicroUsdc,
    /// The part of the stake that backs leases that are not settled.
    locked: MicroUsdc,
    /// The part that may back a further lease, or leave.
    free: MicroUsdc,
    /// What is on its way out, and when it may leave.
    unbonding: Vec<Unbonding>,
    /// All stake ever taken as a penalty.
    slashed: MicroUsdc,
    /// The owner's part of what leases earned; it lies in the provider's vault.
    earned: MicroUsdc,
    /// The network's part.
    fees: MicroUsdc,
    /// The chain's time.
    #[serde(skip)]
    now: UnixSeconds,
}

impl Report for Shown {
    fn json(&self) -> Value {
        output::value(self)
    }

    fn human(&self, style: Style) -> String {
        let amounts = [
            ("stake", self.stake),
            ("locked", self.locked),
            ("free", self.free),
            ("slashed", self.slashed),
            ("earned", self.earned),
            ("fees", self.fees),
        ];
        let mut lines = amounts.map(|(name, amount)| format!("{name:<12}{:>20}", amount.to_string())).to_vec();
        lines.extend(self.unbonding.iter().map(|part| {
            let when = in_time(part.unlocks_at, self.now);
            format!("{:<12}{:>20}  may leave {when}", "unbonding", part.amount.to_string())
        }));
        let status = match self.status {
            ProviderStatus::Active => "active".to_owned(),
            ProviderStatus::Draining => style.warn("draining: takes no further lease"),
            ProviderStatus::Delisted => style.warn("delisted: its reputation is under the floor"),
        };
        let mut payout = self.payout.to_string();
        if let Some((next, from)) = self.next_payout {
            payout.push_str(&format!(", {next} {}", in_time(from, self.now)));
        }
        let BasisPoints(score) = self.reputation;
        format!(
            "{}\nprovider    {}\nowner       {}\nstatus      {status}\nnodes       {}\nreputation  {}.{:02} %\n\
             payout      {payout}\n\n{}",
            style.strong(&self.name),
            self.provider,
            self.owner,
            self.nodes,
            score / 100,
            score % 100,
            lines.join("\n")
        )
    }

    fn next(&self) -> Vec<String> {
        let mut next = match (self.stake, self.nodes) {
            (MicroUsdc::ZERO, _) => vec!["millrace provider stake <USDC>  (no lease comes without stake behind it)"],
            (_, 0) => vec!["millrace node add --help  (put a rig on the market)"],
            _ => vec!["millrace node list"],
        };
        if self.earned > MicroUsdc::ZERO || self.unbonding.iter().any(|part| part.unlocks_at <= self.now) {
            next.push("millrace provider withdraw");
        }
        next.into_iter().map(str::to_owned).collect()
    }
}

/// Shows a provider as the chain has it.
///
/// # Errors
/// A wallet that is no provider, an RPC endpoint that cannot be reached.
pub async fn run(context: &Context<'_>, args: ShowProvider) -> Result<(), Failure> {
    let owner = match args.owner {
        Some(owner) => owner,
        None => address(&*context.keypair()?),
    };
    let client = context.client();
    let found: ProviderAccount = client.fetch(addresses::provider(owner)).await?;
    let (stake, now) = (found.provider.stake, client.chain_clock().await?);
    context.output.report(&Shown {
        provider: found.address,
        owner,
        name: found.display_name,
        status: found.provider.status,
        nodes: found.provider.nodes,
        reputation: found.provider.reputation.score(now),
        payout: found.payout.current(now),
        next_payout: (found.payout.next_from > now).then_some((found.payout.next, found.payout.next_from)),
        stake: stake.total,
        locked: stake.locked,
        free: stake.free()?,
        unbonding: stake.unbonding.into_iter().filter(|part| part.amount > MicroUsdc::ZERO).collect(),
        slashed: stake.slashed,
        earned: found.provider.earnings.owner,
        fees: found.provider.earnings.fees,
        now,
    });
    Ok(())
}
