//! What a transaction may use and pays for it, found out by simulating it.

use std::collections::BTreeSet;
use std::sync::Arc;

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use solana_commitment_config::CommitmentConfig;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_rpc_client::nonblocking::rpc_client::RpcClient;
use solana_rpc_client_api::config::RpcSimulateTransactionConfig;
use solana_rpc_client_api::response::RpcPrioritizationFee;
use solana_transaction::Transaction;
use solana_transaction_error::TransactionError;

use tokio::time::Instant;

use super::Sender;
use crate::{Error, instructions};

/// The most a transaction can have.
const MOST_UNITS: u32 = 1_400_000;
/// On top of what the simulation used: other accounts' bumps and clocks cost differently.
const SPARE_UNITS: u32 = 2_000;
/// The most accounts `getRecentPrioritizationFees` takes.
const MOST_FEE_ACCOUNTS: usize = 128;
/// What is bid, in micro-lamports per unit, when nothing was not enough.
const FIRST_RAISE: u64 = 1_000;

/// What one endpoint's simulation came to.
struct Trial {
    slot: u64,
    error: Option<TransactionError>,
    units: Option<u64>,
    logs: Vec<String>,
}

impl Sender {
    /// The instructions behind a compute limit and a unit price. Refuses what the chain would refuse: the
    /// reason is the newest endpoint's, and only where none finds the transaction good.
    pub(super) async fn budget(&self, wanted: &[Instruction], signing: u32) -> Result<Vec<Instruction>, Error> {
        let unit_price = self.unit_price(wanted, signing).await;
        let trial = budgeted(wanted, MOST_UNITS, unit_price);
        let transaction = self.unsigned(&trial);
        let asked_at = Instant::now();
        let trials = self.simulate(&transaction).await?;
        let good = trials.iter().filter(|trial| trial.error.is_none());
        // Whoever needs most: an endpoint that claims less would have the transaction run out on chain.
        let used =
            good.map(|trial| trial.units.and_then(|units| u32::try_from(units).ok()).unwrap_or(MOST_UNITS)).max();
        if let Some(used) = used {
            return Ok(budgeted(wanted, limit_for(used), unit_price));
        }
        let newest = self.client.believe(&trials.iter().map(|trial| trial.slot).collect::<Vec<_>>(), asked_at);
        let refused = newest.and_then(|index| trials.into_iter().nth(index));
        match refused.map(|trial| (trial.error, trial.logs)) {
            Some((Some(error), logs)) => Err(self.refused(&error, &described(&trial), logs).await),
            _ => Err(self.client.failure(None)),
        }
    }

    /// At least one answer, of all endpoints where there are several. An endpoint that has not seen this
    /// client's last transaction does not count.
    async fn simulate(&self, transaction: &Transaction) -> Result<Vec<Trial>, Error> {
        let config = RpcSimulateTransactionConfig {
            replace_recent_blockhash: true,
            commitment: Some(CommitmentConfig::confirmed()),
            min_context_slot: Some(self.client.landed()).filter(|slot| *slot > 0),
            ..RpcSimulateTransactionConfig::default()
        };
        let simulate = |rpc: Arc<RpcClient>| {
            let config = config.clone();
            async move {
                let answer = rpc.simulate_transaction_with_config(transaction, config).await?;
                Ok(Trial {
                    slot: answer.context.slot,
                    error: answer.value.err.map(Into::into),
                    units: answer.value.units_consumed,
                    logs: answer.value.logs.unwrap_or_default(),
                })
            }
        };
        if self.client.endpoints().rpc.len() > 1 {
            let answers = self.client.ask_each(simulate, |trial| trial.error.is_none()).await;
            let trials: Vec<_> = answers.into_iter().filter_map(|(_, answer)| answer.ok()).collect();
            if !trials.is_empty() {
                return Ok(trials);
            }
        }
        Ok(vec![self.client.ask(simulate).await?])
    }

    /// What three quarters of the recent transactions on the same accounts paid at most, in
    /// micro-lamports per unit, doubled for each signing that found no place in a block. Of several
    /// endpoints the median counts. Nothing where none says: that must not stop anybody.
    async fn unit_price(&self, wanted: &[Instruction], signing: u32) -> u64 {
        let writable: BTreeSet<Pubkey> = wanted
            .iter()
            .flat_map(|instruction| &instruction.accounts)
            .filter(|meta| meta.is_writable)
            .map(|meta| meta.pubkey)
            .collect();
        let writable: Vec<Pubkey> = writable.into_iter().take(MOST_FEE_ACCOUNTS).collect();
        let answers = self.client.ask_each(
            |rpc| {
                let writable = writable.clone();
                async move { rpc.get_recent_prioritization_fees(&writable).await }
            },
            |_| true,
        );
        let recent = answers.await.into_iter().filter_map(|(_, answer)| answer.ok());
        let quartile = |fees: Vec<RpcPrioritizationFee>| {
            upper_quartile(fees.into_iter().map(|fee| fee.prioritization_fee).collect())
        };
        bid(recent.map(quartile).collect(), signing).min(self.options.highest_unit_price)
    }
}

fn budgeted(wanted: &[Instruction], units: u32, unit_price: u64) -> Vec<Instruction> {
    let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(units)];
    if unit_price > 0 {
        all.push(ComputeBudgetInstruction::set_compute_unit_price(unit_price));
    }
    all.extend_from_slice(wanted);
    all
}

fn described(instructions: &[Instruction]) -> Vec<(Pubkey, &'static str)> {
    instructions.iter().map(|one| (one.program_id, instructions::name(&one.program_id, &one.data))).collect()
}

fn limit_for(used: u32) -> u32 {
    used.saturating_add(used / 5).saturating_add(SPARE_UNITS).min(MOST_UNITS)
}

fn upper_quartile(mut prices: Vec<u64>) -> u64 {
    prices.sort_unstable();
    prices.get(prices.len() * 3 / 4).copied().unwrap_or(0)
}

/// The median of what the endpoints tell, and more each time that it was not enough.
fn bid(mut told: Vec<u64>, signing: u32) -> u64 {
    told.sort_unstable();
    let median = told.get(told.len().saturating_sub(1) / 2).copied().unwrap_or(0);
    match signing.saturating_sub(1) {
        0 => median,
        raises => median.max(FIRST_RAISE).saturating_mul(1_u64.checked_shl(raises).unwrap_or(u64::MAX)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_endpoint_does_not_make_the_price_and_a_miss_raises_it() {
        assert_eq!(bid(vec![], 1), 0);
        assert_eq!(bid(vec![7], 1), 7);
        assert_eq!(bid(vec![u64::MAX, 7], 1), 7);
        assert_eq!(bid(vec![u64::MAX, 7, 9], 1), 9);
        assert_eq!(bid(vec![0], 2), 2 * FIRST_RAISE);
        assert_eq!(bid(vec![5_000], 3), 20_000);
        assert_eq!(bid(vec![u64::MAX], 100), u64::MAX);
    }

    #[test]
    fn limits_leave_room_and_never_pass_the_chains() {
        assert_eq!(limit_for(100_000), 122_000);
        assert_eq!(limit_for(MOST_UNITS), MOST_UNITS);
        assert_eq!(limit_for(u32::MAX), MOST_UNITS);
    }

    #[test]
    fn the_price_is_what_most_pay() {
        assert_eq!(upper_quartile(vec![]), 0);
        assert_eq!(upper_quartile(vec![7]), 7);
        assert_eq!(upper_quartile(vec![1_000_000, 0, 0, 0, 0, 0, 0, 5]), 5);
    }
}
