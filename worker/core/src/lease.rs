use millrace_protocol::voucher::Voucher;
use millrace_protocol::{Address, GpuUnits, LeaseOutcome, LeaseState, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::Sha256;
use serde::{Deserialize, Serialize};

use crate::upkeep::Upkeep;

/// How long an accepted offer keeps its units: by then its transaction can land no more.
const OFFER_LIFE: Seconds = Seconds(150);
/// Slack on top of the lease's length before the rig ends it by itself, for an orchestrator that
/// has disappeared: start timeout and settle grace at their defaults.
const OVERTIME: Seconds = Seconds(900);
/// How long a reported lease's voucher is kept past the lease's length where no chain tells of the lease.
const KEEP_VOUCHER: Seconds = Seconds(86_400);

/// How long a rig waits, from signing, for what the lease's buyer has to bring. Nothing is paid meanwhile, as for any
/// time before the first container runs, so it is short. Half of the lease's start timeout where that is less: a lease
/// that does not start costs the rig a penalty, and that must not be for what is the buyer's fault.
const SECRETS_WAIT: Seconds = Seconds(120);

/// How long a lease may take from signing to its first container where the chain does not say: three quarters of the
/// default start timeout, which nobody can extend then.
const START_WAIT: Seconds = Seconds(225);
/// How long a worker that was restarted waits for the chain before it takes its lease for one at [`START_WAIT`], or the
/// time for what its buyer has to bring for what its own clock says.
const CHAIN_WAIT: Seconds = Seconds(30);

/// From SIGKILL to the end of a lease that has notice: what the container has saved leaves the rig while its lease is
/// still there, and the last voucher comes.
const LEAVING: Seconds = Seconds(10);

/// When a lease ends that has notice, by the rig's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    pub ends_at: UnixSeconds,
    /// What was told to stop at the notice is killed then.
    pub kill_at: UnixSeconds,
}

impl Notice {
    pub(crate) fn until(ends_at: UnixSeconds) -> Self {
        Self { ends_at, kill_at: ends_at.saturating_minus(UnixSeconds(LEAVING.0)) }
    }
}

/// What was agreed on when the rig signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseTerms {
    pub job: Address,
    /// Hash of the job's spec: no other one is run under this lease.
    pub spec: Sha256,
    /// Whose vouchers count.
    pub attestor: Address,
    /// Which of the rig's GPUs it has, by position in the inventory.
    pub gpus: Vec<u16>,
    pub price: PricePerGpuHour,
    pub units: GpuUnits,
    /// Most seconds it can be paid for.
    pub maximum: Seconds,
    pub cpu_millis: u32,
    pub memory_mib: u32,
    /// Promised for inputs and outputs of one task at a time; nothing under leases older than this promise.
    #[serde(default)]
    pub disk_mib: u64,
    pub accepted_at: UnixSeconds,
}

/// Where a lease is, as the rig sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeasePhase {
    /// Signed; the transaction may or may not land.
    Offered,
    /// It has brought work or a voucher, or was seen on chain: it exists.
    Held,
    /// Its tasks are being stopped.
    Ending,
    /// The chain has ended it, or has never had it: its tasks are being stopped, nobody waits for a report.
    Over,
    /// Nothing of it is left on the rig but the latest voucher, if one came.
    Reported { result_root: Sha256 },
}

/// Whether a lease's tasks have what its buyer must bring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Secrets {
    Here,
    AwaitedUntil(UnixSeconds),
}

/// One lease the rig has agreed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    pub terms: LeaseTerms,
    pub(crate) phase: LeasePhase,
    pub(crate) voucher: Option<(Voucher, Vec<u8>)>,
    pub(crate) upkeep: Upkeep,
    /// Not kept on disk: the shell opens what it has again, and says so.
    pub(crate) unsealed: bool,
    pub(crate) notice: Option<Notice>,
    /// Of one whose result is counted, once that is told.
    pub(crate) salt: Option<[u8; 32]>,
}

impl Lease {
    pub(crate) fn new(terms: LeaseTerms) -> Self {
        let upkeep = Upkeep::new(terms.accepted_at);
        Self { terms, phase: LeasePhase::Offered, voucher: None, upkeep, unsealed: false, notice: None, salt: None }
    }

    pub fn phase(&self) -> LeasePhase {
        self.phase
    }

    /// The lease as the chain had it when it was looked up last; not kept over a restart.
    pub fn on_chain(&self) -> Option<&millrace_protocol::Lease> {
        self.upkeep.seen()
    }

    /// How long it may be in all once whatever the rig has signed has landed; none where nothing of that can land now.
    pub(crate) fn promised(&self, now: UnixSeconds) -> Option<Seconds> {
        self.upkeep.promised(now)
    }

    /// Whether it ends by a notice, and when.
    pub fn notice(&self) -> Option<Notice> {
        self.notice
    }

    pub(crate) fn notice_is_over(&self, now: UnixSeconds) -> bool {
        self.notice.is_some_and(|notice| now >= notice.ends_at)
    }

    /// The latest voucher and the attestor's signature over its bytes.
    pub fn voucher(&self) -> Option<(&Voucher, &[u8])> {
        self.voucher.as_ref().map(|(voucher, signature)| (voucher, signature.as_slice()))
    }

    /// Its latest voucher, where the chain does not have that.
    pub(crate) fn unredeemed(&self, on_chain: &millrace_protocol::Lease) -> Option<(&Voucher, &[u8])> {
        self.voucher().filter(|(voucher, _)| voucher.sequence > on_chain.sequence)
    }

    /// Its last voucher, once that has come.
    fn last_word(&self) -> Option<&Voucher> {
        self.voucher.as_ref().map(|(voucher, _)| voucher).filter(|voucher| voucher.is_final)
    }

    /// Whether its last voucher has come.
    pub(crate) fn is_attested(&self) -> bool {
        self.last_word().is_some()
    }

    /// Whether its last voucher has come and neither ends the job nor is counted with others'.
    pub(crate) fn is_released(&self) -> bool {
        let ends_job = |voucher: &Voucher| LeaseOutcome::from(voucher.exit_class).finishes_job();
        self.salt.is_none() && self.last_word().is_some_and(|voucher| !ends_job(voucher))
    }

    /// Whether nothing is to be done for its money any more: the chain has its last voucher, takes no other, or has not
    /// had the lease for as long as an endpoint may be behind.
    pub(crate) fn is_settled(
        &self,
        account: Option<&millrace_protocol::Lease>,
        clock: UnixSeconds,
        now: UnixSeconds,
    ) -> bool {
        match account {
            Some(lease) => {
                self.last_word().is_some_and(|voucher| lease.sequence >= voucher.sequence) || !lease.state.is_live()
            }
            None => self.upkeep.is_gone(self.can_land_no_more(clock, now), clock),
        }
    }

    /// Whether it occupies units of the rig.
    pub fn is_live(&self) -> bool {
        !matches!(self.phase, LeasePhase::Reported { .. })
    }

    /// A worker that was restarted waits a little for the chain, which knows how long ago it was signed: the clock that a
    /// rig has after it was booted may be hours ahead.
    pub(crate) fn secrets(&self) -> Secrets {
        if self.unsealed {
            return Secrets::Here;
        }
        let later = |from: UnixSeconds, by: Seconds| from.after(by).unwrap_or(UnixSeconds::MAX);
        let half = self.on_chain().map_or(SECRETS_WAIT, |lease| Seconds(lease.start_timeout.0 / 2));
        let wait = SECRETS_WAIT.min(half);
        Secrets::AwaitedUntil(match self.upkeep.signed_at() {
            Some(signed_at) => later(signed_at, wait),
            None => later(self.terms.accepted_at, wait).max(later(self.upkeep.known_since(), CHAIN_WAIT)),
        })
    }

    /// When a task whose turn came at `begun_at` must have its container, by the rig's clock. Whatever is slow, the
    /// buyer's registry included, a lease that does not start costs the rig a part of its bond: so the task fails while
    /// there is time left to end the lease in order.
    ///
    /// Of the start timeout a quarter is left where it was extended, and an eighth where it was not: the extension is
    /// asked for when the last quarter begins. A lease that has started has no such deadline any more; its next task
    /// gets as long as an extended start, so that nobody blocks a GPU without paying.
    pub(crate) fn started_by(&self, begun_at: UnixSeconds) -> UnixSeconds {
        let later = |from: UnixSeconds, by: Seconds| from.after(by).unwrap_or(UnixSeconds::MAX);
        let has_started = self.voucher.is_some();
        match self.on_chain() {
            Some(lease) if lease.state == LeaseState::Assigned && !has_started => {
                let left = if lease.start_extended { lease.start_timeout.0 / 4 } else { lease.start_timeout.0 / 8 };
                self.upkeep.start_by().saturating_minus(UnixSeconds(left))
            }
            Some(lease) => later(begun_at, Seconds(lease.start_timeout.0.saturating_mul(2))),
            None if has_started => later(begun_at, Seconds(START_WAIT.0.saturating_mul(2))),
            None => later(self.terms.accepted_at, START_WAIT).max(later(begun_at, CHAIN_WAIT)),
        }
    }

    /// Whether a task may begin under it.
    pub(crate) fn takes_tasks(&self) -> bool {
        matches!(self.phase, LeasePhase::Offered | LeasePhase::Held)
    }

    /// Whether it never became one: the chain, read at `clock`, does not have it, and its transaction can land no more. A
    /// rig that cannot read the chain does not know, and whatever it forgot could cost its bond.
    pub(crate) fn has_lapsed(&self, clock: UnixSeconds, now: UnixSeconds) -> bool {
        self.phase == LeasePhase::Offered && self.can_land_no_more(clock, now)
    }

    /// Whether by then the chain must have it, if it ever will: by both clocks, for by one of them it was signed.
    fn can_land_no_more(&self, clock: UnixSeconds, now: UnixSeconds) -> bool {
        [clock, now].into_iter().all(|time| time.since(self.terms.accepted_at) >= OFFER_LIFE)
    }

    /// Most seconds from signing to its end, as agreed on and as added since.
    fn length(&self) -> Seconds {
        Seconds(self.terms.maximum.0.saturating_add(self.upkeep.longer(self.terms.maximum).0))
    }

    /// Whether no second of it can be paid any more, as the chain has it at `clock`. Where that does not have it, which
    /// may be an endpoint's fault, the rig's clock must agree: by one of them it was signed.
    pub(crate) fn has_ended(
        &self,
        account: Option<&millrace_protocol::Lease>,
        clock: UnixSeconds,
        now: UnixSeconds,
    ) -> bool {
        let whole = self.length().0.saturating_add(OVERTIME.0);
        match account {
            Some(lease) => lease.ends_by.after(lease.settle_grace).is_ok_and(|end| clock >= end),
            None => [clock, now].into_iter().all(|time| time.since(self.terms.accepted_at).0 >= whole),
        }
    }

    /// Whether no second of it can be paid any more, whatever the chain would say: so much time has really passed. The
    /// clock that a rig has after it was booted may be hours ahead.
    pub(crate) fn is_over(&self, now: UnixSeconds) -> bool {
        now.since(self.upkeep.known_since()).0 >= self.length().0.saturating_add(OVERTIME.0)
    }

    /// Whether even its last voucher has lost all use, whatever the chain would say: every deadline there lies far
    /// behind.
    pub(crate) fn is_forgotten(&self, now: UnixSeconds) -> bool {
        now.since(self.upkeep.told_at()).0 >= self.length().0.saturating_add(KEEP_VOUCHER.0)
    }

    /// Keeps a voucher that is newer than the one it has. `false` for any other.
    pub(crate) fn keep(&mut self, voucher: Voucher, signature: Vec<u8>) -> bool {
        let newer = self.voucher.as_ref().is_none_or(|(last, _)| {
            voucher.sequence > last.sequence && voucher.metered >= last.metered && !last.is_final
        });
        if newer {
            self.voucher = Some((voucher, signature));
        }
        newer
    }
}
