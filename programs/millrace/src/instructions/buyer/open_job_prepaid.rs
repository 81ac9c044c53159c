use anchor_lang::prelude::*;
use anchor_spl::token::Token;
use millrace_protocol::seeds;

use crate::constants::CONFIG;
use crate::events::{self, JobOpened};
use crate::opening::{NewJob, OpenJobArgs};
use crate::state::{Allowance, Buyer, Config};
use crate::{tokens, MarketError};

#[event_cpi]
#[derive(Accounts)]
#[cfg_attr(feature = "idl-build", instruction(args: OpenJobArgs))]
pub struct OpenJobPrepaid<'info> {
    #[account(address = CONFIG.0, has_one = mint @ MarketError::WrongMint)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::CONFIG], bump))]
    pub config: AccountLoader<'info, Config>,

    /// The balance's owner, or a delegate. Pays the rent and gets it back.
    #[account(mut)]
    pub authority: Signer<'info>,

    #[account(mut, has_one = buyer_vault @ MarketError::WrongVault)]
    pub balance: AccountLoader<'info, Buyer>,

    /// CHECK: Named by the balance; pays the deposit.
    #[account(mut)]
    pub buyer_vault: UncheckedAccount<'info>,

    /// The delegate's; none where the owner signs.
    #[account(mut)]
    pub allowance: Option<AccountLoader<'info, Allowance>>,

    /// CHECK: Created here.
    #[account(mut)]
    #[cfg_attr(
        feature = "idl-build",
        account(seeds = [seeds::JOB, balance.load()?.owner.as_ref(), &args.id.to_le_bytes()], bump)
    )]
    pub job: UncheckedAccount<'info>,

    /// CHECK: The network's mint.
    pub mint: UncheckedAccount<'info>,

    /// CHECK: Created here: the job's own money, which no other job's instruction can name.
    #[account(mut)]
    #[cfg_attr(feature = "idl-build", account(seeds = [seeds::JOB_VAULT, job.key().as_ref()], bump))]
    pub job_vault: UncheckedAccount<'info>,

    pub token_program: Program<'info, Token>,
    pub system_program: Program<'info, System>,
}

impl OpenJobPrepaid<'_> {
    pub fn handle(ctx: Context<Self>, args: OpenJobArgs) -> Result<()> {
        let accounts = ctx.accounts;
        let (owner, bump) = {
            let balance = accounts.balance.load()?;
            (balance.owner, [balance.bump])
        };
        let new = NewJob {
            config: &accounts.config,
            rent_payer: &accounts.authority,
            job: &accounts.job,
            job_vault: &accounts.job_vault,
            mint: &accounts.mint,
            buyer: owner,
            funder: accounts.balance.key(),
            prepaid: true,
        };
        let (job, rules, now) = new.create(&args)?;
        let deposit = rules.terms.deposit;

        let authority = accounts.authority.key();
        match &accounts.allowance {
            None => require!(authority == owner, MarketError::WrongDelegate),
            Some(allowance) => {
                let mut allowance = allowance.load_mut()?;
                let granted = allowance.buyer == accounts.balance.key() && allowance.delegate == authority;
                require!(granted, MarketError::WrongDelegate);
                let mut terms = allowance.rules()?;
                terms.draw(deposit, now).map_err(MarketError::from)?;
                allowance.update(&terms);
            }
        }
        let mut balance = accounts.balance.load()?.rules()?;
        balance.open_job(deposit).map_err(MarketError::from)?;
        accounts.balance.load_mut()?.update(&balance)?;

        let (buyer_vault, job_vault) = (&accounts.buyer_vault, &accounts.job_vault);
        let funder_before = tokens::balance(buyer_vault)?;
        let signer: &[&[u8]] = &[seeds::BUYER, owner.as_ref(), &bump];
        tokens::transfer(buyer_vault, job_vault, accounts.balance.as_ref(), deposit, &[signer])?;
        let (funder_after, vault_after) = (tokens::balance(buyer_vault)?, tokens::balance(job_vault)?);
        tokens::check_vault(funder_after, balance.balance)?;
        tokens::check_vault(vault_after, rules.vault_balance().map_err(MarketError::from)?)?;

        let event = JobOpened::new(accounts.job.key(), &job, authority, (funder_before, funder_after), vault_after);
        events::emit(&accounts.event_authority, &event)
    }
}
