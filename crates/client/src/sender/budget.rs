//! What a transaction may use and pays for it, found out by simulating it.

use anchor_lang::prelude::Pubkey;
use anchor_lang::solana_program::instruction::Instruction;
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_rpc_client_api::config::RpcSimulateTransactionConfig;
use solana_transaction_error::TransactionError;

use super::Sender;
use crate::refusal::{Refusal, failing_program};
use crate::{Asset, Error, instructions};

/// The most a transaction can have.
const MOST_UNITS: u32 = 1_400_000;
/// On top of what the simulation used: other accounts' bumps and clocks cost differently.
const SPARE_UNITS: u32 = 2_000;

impl Sender {
    /// The instructions behind a compute limit and a unit price. Refuses what the chain would refuse.
    pub(super) async fn budget(&self, wanted: &[Instruction]) -> Result<Vec<Instruction>, Error> {
        let unit_price = self.unit_price(wanted).await;
        let trial = budgeted(wanted, MOST_UNITS, unit_price);
        let transaction = self.unsigned(&trial);
        let config = RpcSimulateTransactionConfig {
            replace_recent_blockhash: true,
            commitment: Some(solana_commitment_config::CommitmentConfig::confirmed()),
            ..RpcSimulateTransactionConfig::default()
        };
        let simulated = self
            .client
            .ask(|rpc| {
                let (transaction, config) = (transaction.clone(), config.clone());
                async move { rpc.simulate_transaction_with_config(&transaction, config).await }
            })
            .await?
            .value;
        if let Some(error) = simulated.err {
            let logs = simulated.logs.unwrap_or_default();
            return Err(self.refused(&error.into(), &described(&trial), logs).await);
        }
        let used = simulated.units_consumed.and_then(|units| u32::try_from(units).ok()).unwrap_or(MOST_UNITS);
        Ok(budgeted(wanted, limit_for(used), unit_price))
    }

    /// What three quarters of the recent transactions on the same accounts paid at most, in
    /// micro-lamports per unit. Nothing where an endpoint does not say: that must not stop anybody.
    async fn unit_price(&self, wanted: &[Instruction]) -> u64 {
        let writable: Vec<Pubkey> = wanted
            .iter()
            .flat_map(|instruction| &instruction.accounts)
            .filter(|meta| meta.is_writable)
            .map(|meta| meta.pubkey)
            .collect();
        let recent = self
            .client
            .ask(|rpc| {
                let writable = writable.clone();
                async move { rpc.get_recent_prioritization_fees(&writable).await }
            })
            .await
            .unwrap_or_default();
        let prices = recent.into_iter().map(|fee| fee.prioritization_fee).collect();
        upper_quartile(prices).min(self.options.highest_unit_price)
    }

    /// The typed error behind a transaction error.
    pub(super) async fn refused(
        &self,
        error: &TransactionError,
        instructions: &[(Pubkey, &'static str)],
        logs: Vec<String>,
    ) -> Error {
        let payer_is_short =
            matches!(error, TransactionError::AccountNotFound | TransactionError::InsufficientFundsForFee);
        if payer_is_short {
            let available = self.client.lamports(self.payer()).await.ok();
            return Error::InsufficientFunds { owner: self.payer(), asset: Asset::Sol, available, needed: None };
        }
        let at = match error {
            TransactionError::InstructionError(index, _) => instructions.get(usize::from(*index)).copied(),
            _ => None,
        };
        let source = Refusal::of(error, failing_program(&logs), at.map(|(program, _)| program));
        Error::Refused { instruction: at.map_or("the transaction", |(_, name)| name), source, logs }
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

#[cfg(test)]
mod tests {
    use super::*;

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
