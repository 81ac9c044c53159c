//! Rounds of jobs whose results are counted. The model numbers leases and results; the network knows addresses and
//! hashes, which are kept here beside it.

use millrace_model::{Action, Market};
use millrace_protocol::quorum::{Member, MemberState, Quorum, Verdict, commitment_preimage};
use millrace_protocol::{Address, LeaseOutcome, UnixSeconds};
use millrace_spec::{Sha256, sha256};

use super::{Account, Failure, Ledger};
use crate::name;

/// What a member has said.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    commitment: [u8; 32],
    /// By its number in the model, from 1.
    root: u8,
}

fn index_of(address: Address) -> usize {
    u64::from_le_bytes(address.0[..8].try_into().expect("eight bytes")) as usize
}

impl Ledger {
    /// The number of a result within its round: a round has few.
    fn number(&mut self, round: usize, root: Sha256) -> u8 {
        let roots = self.roots.entry(round).or_default();
        let at = roots.iter().position(|known| *known == root).unwrap_or_else(|| {
            roots.push(root);
            roots.len() - 1
        });
        u8::try_from(at + 1).expect("a round has a few members")
    }

    fn round_of(&self, lease: Address) -> Result<usize, Failure> {
        let index = self.leases.get(&lease).ok_or(Failure::Account)?.index;
        self.market.leases[index].round.ok_or(Failure::Account)
    }

    pub(super) fn commit_result(
        &mut self,
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    ) -> Result<Vec<Address>, Failure> {
        let round = self.round_of(lease)?;
        let root_number = self.number(round, root);
        let changed = self.on_lease(lease, |lease| Action::Commit { lease, root: root_number })?;
        let commitment = sha256(&commitment_preimage(lease, root.0, salt)).0;
        self.said.insert(self.leases[&lease].index, Said { commitment, root: root_number });
        Ok(changed)
    }

    pub(super) fn reveal_result(
        &mut self,
        lease: Address,
        root: Sha256,
        salt: [u8; 32],
    ) -> Result<Vec<Address>, Failure> {
        let index = self.leases.get(&lease).ok_or(Failure::Account)?.index;
        let said = *self.said.get(&index).ok_or(Failure::Account)?;
        if said.commitment != sha256(&commitment_preimage(lease, root.0, salt)).0 {
            return Err(Failure::Forged);
        }
        self.on_lease(lease, |lease| Action::Reveal { lease, root: said.root })
    }

    pub(super) fn settle_member(&mut self, lease: Address) -> Result<Vec<Address>, Failure> {
        let (round, index) = (self.round_of(lease)?, self.leases[&lease].index);
        let member = self.market.rounds[round].rules.joined().iter().find(|member| index_of(member.lease) == index);
        let member = member.ok_or(Failure::Account)?.lease;
        let judged = self.market.rounds[round].rules.clone().judge(member);
        let changed = self.on_lease(lease, |lease| Action::SettleMember { lease })?;
        if judged == Ok(LeaseOutcome::WrongResult) {
            self.wrong.insert(index);
        }
        Ok(changed)
    }

    pub(super) fn on_round(
        &mut self,
        job: Address,
        action: impl FnOnce(usize) -> Action,
    ) -> Result<Vec<Address>, Failure> {
        let at = *self.jobs.get(&job).ok_or(Failure::Account)?;
        let address = self.round_address(job).ok_or(Failure::Account)?;
        let round = self.market.jobs[at.index].round.ok_or(Failure::Account)?;
        self.act(action(round))?;
        Ok(vec![address, job])
    }

    /// Where the job's open round is.
    pub(super) fn round_address(&self, job: Address) -> Option<Address> {
        let at = self.jobs.get(&job)?;
        let round = self.market.jobs[at.index].round?;
        Some(name::round(job, at.opened_slot, self.market.rounds[round].number))
    }

    /// Every open round.
    pub(super) fn rounds(&self) -> impl Iterator<Item = Address> {
        self.jobs.keys().filter_map(|job| self.round_address(*job))
    }

    /// The round, in the network's words.
    pub(super) fn read_round(&self, address: Address) -> Option<Account> {
        let job = name::job(name::number(address));
        if self.round_address(job) != Some(address) {
            return None;
        }
        let index = self.market.jobs[self.jobs[&job].index].round?;
        let entry = self.market.rounds[index];
        let roots = self.roots.get(&index).map(Vec::as_slice).unwrap_or_default();
        let real = |number: u8| roots.get(usize::from(number).wrapping_sub(1)).map_or([0; 32], |root| root.0);
        let mut quorum = entry.rules;
        for (member, real_member) in entry.rules.joined().iter().zip(&mut quorum.members) {
            let lease = index_of(member.lease);
            let said = self.said.get(&lease);
            let is_root = member.hash == [member.hash[0]; 32];
            *real_member = Member {
                state: member.state,
                lease: self.names[&lease],
                provider: name::provider(index_of(member.provider)),
                hash: match (member.state, said) {
                    (MemberState::Leased, _) | (_, None) => [0; 32],
                    (MemberState::Revealed, Some(said)) => real(said.root),
                    (MemberState::Settled, Some(said)) if is_root => real(said.root),
                    (_, Some(said)) => said.commitment,
                },
            };
        }
        quorum.winner = real(entry.rules.winner[0]);
        Some(Account::Round { job, round: entry.number, quorum: quorum.into() })
    }

    /// The round of a lease that is not settled, as its rig reads it.
    pub fn round_for(&self, lease: Address) -> Option<Quorum> {
        let job = self.leases.get(&lease)?.job;
        match self.read_round(self.round_address(job)?)? {
            Account::Round { quorum, .. } => Some(*quorum),
            _ => None,
        }
    }

    /// Since when the round of a reported lease waits for a crank, where it does.
    pub(super) fn round_due_since(market: &Market, lease: usize) -> Option<UnixSeconds> {
        let round = market.rounds[market.leases[lease].round?].rules;
        round.reveal_deadline().ok()
    }

    /// How many rounds were decided.
    pub fn decided(&self) -> u64 {
        self.market.rounds.iter().filter(|round| round.rules.verdict == Verdict::Decided).count() as u64
    }
}
