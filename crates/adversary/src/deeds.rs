//! What somebody may do: one file for each instruction, in folders as the program has them.

mod admin;
mod amount;
mod arbiter;
mod buyer;
mod crank;
mod donate;
mod node;
mod provider;
mod raw;
mod scheduler;
mod seldom;
mod wait;

use anchor_lang::solana_program::instruction::Instruction;
use anchor_lang::{Discriminator, InstructionData, ToAccountMetas};
use arbitrary::{Arbitrary, Unstructured};
use millrace_testkit::Call;
use millrace_testkit::program::instruction;

#[cfg(test)]
pub use self::donate::lamports;
use crate::market::Market;

/// What every member of a round hides its result with.
pub const SALT: [u8; 32] = [3; 32];
/// How many results a round's members may have, so that some agree.
const ROOTS: u8 = 3;

/// Makes the enum of deeds out of the one list of the program's instructions. New ones come last, so that
/// lives written down before stay what they are.
macro_rules! deeds {
    ($($caller:ident::$file:ident::$Instruction:ident,)*) => {
        /// Something that somebody does. Numbers that choose one of several are taken modulo how many
        /// there are.
        #[derive(Clone, Debug)]
        pub enum Deed {
            Wait(wait::Wait),
            Donate(donate::Donate),
            Raw(raw::Raw),
            $($Instruction($caller::$file::$Instruction),)*
        }

        /// Every instruction that has a deed, by its name, with what its data begins with.
        pub const INSTRUCTIONS: &[(&str, &[u8])] =
            &[$((stringify!($file), instruction::$Instruction::DISCRIMINATOR),)*];

        type Maker = for<'a> fn(&mut Unstructured<'a>) -> arbitrary::Result<Deed>;

        const MAKERS: &[Maker] = &[
            |bytes| Ok(Deed::Wait(bytes.arbitrary()?)),
            |bytes| Ok(Deed::Donate(bytes.arbitrary()?)),
            |bytes| Ok(Deed::Raw(bytes.arbitrary()?)),
            $(|bytes| Ok(Deed::$Instruction(bytes.arbitrary()?)),)*
        ];

        impl Deed {
            /// The transaction; none where there is nothing to do it to, or where it is only time that passes.
            pub fn call(&self, market: &Market) -> Option<Vec<Instruction>> {
                match self {
                    Self::Wait(_) => None,
                    Self::Donate(deed) => deed.call(market),
                    Self::Raw(deed) => deed.call(market),
                    $(Self::$Instruction(deed) => deed.call(market),)*
                }
            }
        }
    };
}

deeds! {
    admin::accept_admin::AcceptAdmin,
    admin::initialize::Initialize,
    admin::propose_admin::ProposeAdmin,
    admin::set_arbiter::SetArbiter,
    admin::set_parameters::SetParameters,
    admin::set_paused::SetPaused,
    admin::set_scheduler::SetScheduler,
    admin::set_treasury::SetTreasury,
    arbiter::resolve_dispute::ResolveDispute,
    buyer::accept_lease::AcceptLease,
    buyer::cancel_job::CancelJob,
    buyer::change_allowance::ChangeAllowance,
    buyer::close_allowance::CloseAllowance,
    buyer::close_buyer::CloseBuyer,
    buyer::deposit_balance::DepositBalance,
    buyer::extend_job::ExtendJob,
    buyer::extend_job_prepaid::ExtendJobPrepaid,
    buyer::open_allowance::OpenAllowance,
    buyer::open_buyer::OpenBuyer,
    buyer::open_dispute::OpenDispute,
    buyer::open_job::OpenJob,
    buyer::open_job_prepaid::OpenJobPrepaid,
    buyer::withdraw_balance::WithdrawBalance,
    crank::close_job::CloseJob,
    crank::close_job_prepaid::CloseJobPrepaid,
    crank::close_quorum::CloseQuorum,
    crank::delist_provider::DelistProvider,
    crank::expire_dispute::ExpireDispute,
    crank::expire_job::ExpireJob,
    crank::expire_lease::ExpireLease,
    crank::finalize_lease::FinalizeLease,
    crank::open_quorum::OpenQuorum,
    crank::relist_provider::RelistProvider,
    crank::settle::Settle,
    crank::settle_member::SettleMember,
    crank::sweep_fees::SweepFees,
    crank::tally_quorum::TallyQuorum,
    node::commit_result::CommitResult,
    node::extend_start::ExtendStart,
    node::hold_lease::HoldLease,
    node::reveal_result::RevealResult,
    provider::add_node::AddNode,
    provider::add_stake::AddStake,
    provider::change_payout::ChangePayout,
    provider::close_provider::CloseProvider,
    provider::register_provider::RegisterProvider,
    provider::remove_node::RemoveNode,
    provider::request_unstake::RequestUnstake,
    provider::rotate_node_key::RotateNodeKey,
    provider::set_node_status::SetNodeStatus,
    provider::set_provider_status::SetProviderStatus,
    provider::update_node::UpdateNode,
    provider::withdraw_earnings::WithdrawEarnings,
    provider::withdraw_stake::WithdrawStake,
    scheduler::attest_node::AttestNode,
    scheduler::extend_lease::ExtendLease,
    scheduler::notice_preemption::NoticePreemption,
    scheduler::open_lease::OpenLease,
}

impl<'a> Arbitrary<'a> for Deed {
    /// One byte chooses the deed, so that changing it changes nothing of what comes after.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let choice = usize::from(u8::arbitrary(bytes)?);
        MAKERS[choice % MAKERS.len()](bytes)
    }
}

impl Deed {
    /// Whether the very same transaction may not happen again. What an owner adds to or takes from what is
    /// its own may, and bytes at random may be such.
    pub fn happens_once(&self) -> bool {
        !matches!(
            self,
            Self::Donate(_)
                | Self::Raw(_)
                | Self::AddStake(_)
                | Self::DepositBalance(_)
                | Self::ExtendJob(_)
                | Self::ExtendJobPrepaid(_)
                | Self::ExtendLease(_)
                | Self::RequestUnstake(_)
                | Self::WithdrawBalance(_)
        )
    }
}

/// The transaction of a call.
fn transaction<A: ToAccountMetas, D: InstructionData>(call: &Call<A, D>) -> Vec<Instruction> {
    call.before.iter().cloned().chain([call.instruction()]).collect()
}
