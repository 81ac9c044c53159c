use anchor_lang::prelude::*;
use bytemuck::{Pod, Zeroable};
use millrace_protocol::quorum::{self as protocol, MemberState, Verdict, MEMBERS};
use millrace_protocol::{Address, Seconds, UnixSeconds};

use super::check_version;
use crate::constants::SPARE;
use crate::MarketError;

/// One lease of a round.
#[repr(C)]
#[derive(AnchorSerialize, AnchorDeserialize, Pod, Zeroable, Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumMember {
    pub lease: Pubkey,
    pub provider: Pubkey,
    /// The commitment, and once revealed the result root.
    pub hash: [u8; 32],
    /// 0 leased, 1 committed, 2 revealed, 3 gone, 4 settled.
    pub state: u8,
    pub padding: [u8; 7],
}

/// One round of a job whose results are counted. Seeds: `quorum`, job, the job's opening slot, round.
#[account(zero_copy)]
#[derive(Debug, PartialEq, Eq)]
pub struct Quorum {
    /// Layout version, 1.
    pub version: u8,
    pub bump: u8,
    /// Equal results that win.
    pub needed: u8,
    pub size: u8,
    /// Places taken, from the first.
    pub joined: u8,
    /// 0 open, 1 decided, 2 failed.
    pub verdict: u8,
    pub padding: [u8; 2],
    pub job: Pubkey,
    /// The result that won; zeros before.
    pub winner: [u8; 32],
    pub rent_payer: Pubkey,
    pub members: [QuorumMember; MEMBERS],
    /// Unix seconds; zero before the first lease joins.
    pub commit_by: u64,
    /// Unix seconds; zero until everyone who can has committed.
    pub reveal_by: u64,
    /// Seconds.
    pub reveal_window: u64,
    /// Counts from 0 within the job.
    pub round: u32,
    pub padding_end: [u8; 4],
    pub spare: [u8; SPARE],
}

impl Quorum {
    /// # Errors
    /// [`MarketError::UnknownVersion`]; [`MarketError::InvariantBroken`] for a state that does not exist.
    pub fn rules(&self) -> std::result::Result<protocol::Quorum, MarketError> {
        check_version(self.version)?;
        let mut members = [protocol::Member::default(); MEMBERS];
        for (rules, member) in members.iter_mut().zip(&self.members) {
            *rules = protocol::Member {
                state: MemberState::try_from(member.state)?,
                lease: Address(member.lease.to_bytes()),
                provider: Address(member.provider.to_bytes()),
                hash: member.hash,
            };
        }
        Ok(protocol::Quorum {
            needed: self.needed,
            size: self.size,
            joined: self.joined,
            members,
            commit_by: UnixSeconds(self.commit_by),
            reveal_by: UnixSeconds(self.reveal_by),
            reveal_window: Seconds(self.reveal_window),
            verdict: Verdict::try_from(self.verdict)?,
            winner: self.winner,
        })
    }

    /// # Errors
    /// [`MarketError::InvariantBroken`].
    pub fn update(&mut self, quorum: &protocol::Quorum) -> Result<()> {
        self.needed = quorum.needed;
        self.size = quorum.size;
        self.joined = quorum.joined;
        self.verdict = quorum.verdict as u8;
        self.winner = quorum.winner;
        for (member, rules) in self.members.iter_mut().zip(&quorum.members) {
            *member = QuorumMember {
                lease: rules.lease.0.into(),
                provider: rules.provider.0.into(),
                hash: rules.hash,
                state: rules.state as u8,
                padding: [0; 7],
            };
        }
        self.commit_by = quorum.commit_by.0;
        self.reveal_by = quorum.reveal_by.0;
        self.reveal_window = quorum.reveal_window.0;
        Ok(quorum.invariant().map_err(MarketError::from)?)
    }
}
