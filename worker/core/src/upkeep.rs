use millrace_protocol::{Address, Lease as OnChain, LeaseState, Seconds, UnixSeconds, transitions};

use crate::{Action, Agent, Lease, LeasePhase, Record};

/// From signing until the lease is looked up on chain for the first time, and between two looks while
/// something is to be done.
const LOOK_AGAIN: Seconds = Seconds(15);
/// From signing for more time until its transaction can land no more.
const EXTENSION_LIFE: Seconds = Seconds(150);
/// How long whoever issued a final voucher has to bring it to the chain before the node does, there being no later one
/// to wait for: half of the default settle grace. Not where it ends the job, which it must not before the job's other
/// leases have ended, nor where results are counted: those are brought before their deadline.
const LAST_WORD: Seconds = Seconds(300);
/// From when on an attestor that says nothing has fallen silent, however short the settle grace is: it speaks with each
/// heartbeat.
const SILENCE: Seconds = Seconds(30);
/// Between two looks for a lease that is not there, and for one that only waits to be settled.
const LOOK_LATER: Seconds = Seconds(300);

/// When a lease is looked up on chain, and what is known of it. Only what the rig has signed is kept on disk: the chain
/// remembers the rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) struct Upkeep {
    look_at: UnixSeconds,
    looked_at: UnixSeconds,
    /// When it was signed or the worker was started: from then on the rig's clock counts what really passes.
    known_since: UnixSeconds,
    /// When the chain had it last, by the rig's clock; before that as above.
    told_at: UnixSeconds,
    /// When the last voucher came.
    heard: UnixSeconds,
    seen: Option<OnChain>,
    /// The chain's clock then.
    seen_at: UnixSeconds,
    /// The seen lease's start deadline, by the rig's clock.
    start_by: UnixSeconds,
    /// When it was signed, by the clock that the rig has since the worker was started; none until the chain has told.
    signed_at: Option<UnixSeconds>,
    /// How long it may be in all once whatever the rig has signed has landed, and until when it can.
    pub(crate) awaited: Option<(Seconds, UnixSeconds)>,
}

impl Upkeep {
    /// Nothing is known yet, and nothing can be before the transaction has landed.
    pub fn new(accepted_at: UnixSeconds) -> Self {
        let look_at = accepted_at.after(LOOK_AGAIN).unwrap_or(UnixSeconds::MAX);
        Self {
            look_at,
            looked_at: UnixSeconds::ZERO,
            known_since: accepted_at,
            told_at: accepted_at,
            heard: accepted_at,
            seen: None,
            seen_at: UnixSeconds::ZERO,
            start_by: UnixSeconds::MAX,
            signed_at: Some(accepted_at),
            awaited: None,
        }
    }

    /// The worker was started: how long it was away, only the machine's clock says.
    pub fn begin_anew(&mut self, now: UnixSeconds) {
        (self.known_since, self.told_at, self.signed_at) = (now, now, None);
    }

    /// From when on time has surely passed.
    pub fn known_since(&self) -> UnixSeconds {
        self.known_since
    }

    /// When it was signed, where that is known by the rig's clock.
    pub fn signed_at(&self) -> Option<UnixSeconds> {
        self.signed_at
    }

    /// Since when the chain has not told of it.
    pub fn told_at(&self) -> UnixSeconds {
        self.told_at
    }

    pub fn seen(&self) -> Option<&OnChain> {
        self.seen.as_ref()
    }

    /// The start deadline of the lease that was seen.
    pub fn start_by(&self) -> UnixSeconds {
        self.start_by
    }

    fn see(&mut self, lease: OnChain, clock: UnixSeconds, now: UnixSeconds) {
        (self.seen, self.seen_at, self.told_at) = (Some(lease), clock, now);
        // A deadline that has passed is over now.
        self.start_by = now.after(lease.start_by.since(clock)).unwrap_or(UnixSeconds::MAX);
        // What is signed lands within moments. Once: the chain's clock comes in steps, and a wait has one end.
        self.signed_at.get_or_insert(now.saturating_minus(UnixSeconds(clock.since(lease.opened_at).0)));
    }

    /// More time may be on its way to the chain: the rig's own end of the lease moves once it is seen there.
    fn awaits_more_time(&self, now: UnixSeconds) -> bool {
        let seen = self.seen.map_or(Seconds::ZERO, |lease| lease.maximum);
        self.promised(now).is_some_and(|maximum| seen < maximum)
    }

    /// How long it may be in all once whatever the rig has signed has landed; none where nothing of that can land now.
    pub fn promised(&self, now: UnixSeconds) -> Option<Seconds> {
        self.awaited.filter(|(_, until)| now < *until).map(|(maximum, _)| maximum)
    }

    /// Has it looked up at the next tick, but not again and again: each look is a question to somebody's endpoint.
    pub fn look_soon(&mut self, now: UnixSeconds) {
        let again = self.looked_at.after(LOOK_AGAIN).unwrap_or(UnixSeconds::MAX);
        self.look_at = self.look_at.min(again.max(now));
    }

    /// Whether a lease that the chain does not have at `clock` is over, and not merely unknown to an endpoint that is
    /// behind: the chain has had it before, or by then it must have (`landed`).
    pub fn is_gone(&self, landed: bool, clock: UnixSeconds) -> bool {
        match self.seen {
            Some(_) => clock >= self.seen_at,
            None => landed,
        }
    }

    /// The chain's clock when it was seen last.
    pub fn seen_at(&self) -> Option<UnixSeconds> {
        self.seen.map(|_| self.seen_at)
    }

    pub fn hear(&mut self, now: UnixSeconds) {
        self.heard = now;
    }

    /// What the lease may have got since it was signed: seconds that were added, and the longer start.
    pub fn longer(&self, agreed: Seconds) -> Seconds {
        let signed = self.awaited.map_or(Seconds::ZERO, |(maximum, _)| maximum);
        let (maximum, start) = self.seen.map_or((signed, Seconds::ZERO), |lease| {
            let start = if lease.start_extended { lease.start_timeout } else { Seconds::ZERO };
            (lease.maximum.max(signed), start)
        });
        Seconds(maximum.saturating_minus(agreed).0.saturating_add(start.0))
    }
}

impl Agent {
    /// Has the lease looked up soon, and again until it is that long or will not be.
    pub(super) fn on_extension_agreed(
        &mut self,
        address: Address,
        maximum: Seconds,
        now: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        let Some(lease) = self.leases.get_mut(&address) else { return };
        let until = now.after(EXTENSION_LIFE).unwrap_or(UnixSeconds::MAX);
        lease.upkeep.awaited = Some((maximum, until));
        actions.push(Action::Journal(Record::LeaseExtended { lease: address, maximum, until }));
        lease.upkeep.look_at = lease.upkeep.look_at.min(now.after(LOOK_AGAIN).unwrap_or(UnixSeconds::MAX));
    }

    /// All that is done where the engine cannot be asked; the rest of a tick is about what it runs.
    pub fn look_after(&mut self, now: UnixSeconds) -> Vec<Action> {
        let mut actions = Vec::new();
        self.look_at_chain(now, &mut actions);
        actions
    }

    pub(super) fn look_at_chain(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        self.look_up(now, actions);
        self.look_at_rounds(now, actions);
    }

    /// Has leases looked up whose deadlines on chain come near.
    fn look_up(&mut self, now: UnixSeconds, actions: &mut Vec<Action>) {
        for (address, lease) in &mut self.leases {
            if now >= lease.upkeep.look_at {
                lease.upkeep.looked_at = now;
                lease.upkeep.look_at = now.after(LOOK_AGAIN).unwrap_or(UnixSeconds::MAX);
                actions.push(Action::ReadLease(*address));
            }
        }
    }

    /// The lease as the chain has it at `clock`, the chain's own time.
    ///
    /// In the last quarter of the time to its next deadline the node looks after itself: it redeems a
    /// voucher that nobody has redeemed, and without one it takes its longer start, or holds the lease. A voucher of an
    /// attestor that has fallen silent it redeems before: of a cancel, which gives it no longer than the settle grace,
    /// it hears from nobody then. The last one of a lease that ends its job waits all the same.
    pub(super) fn on_lease_read(
        &mut self,
        address: Address,
        account: Option<OnChain>,
        clock: UnixSeconds,
        now: UnixSeconds,
        actions: &mut Vec<Action>,
    ) {
        let busy = self.unfinished(address).next().is_some();
        let works = self.vouches_for(address);
        let Some(lease) = self.leases.get_mut(&address) else { return };
        let is_reported = !lease.is_live();
        let is_closed = match account {
            None if lease.has_lapsed(clock, now) => true,
            _ => is_reported && lease.is_settled(account.as_ref(), clock, now),
        };
        if is_closed {
            return self.close(address, actions);
        }
        let has_ended = lease.takes_tasks() && lease.has_ended(account.as_ref(), clock, now);
        let wait = match account {
            // Nobody pays for another second, whatever has become of who would say so.
            None if has_ended || (lease.takes_tasks() && lease.upkeep.is_gone(false, clock)) => {
                return self.on_lease_over(address, now, actions);
            }
            None => LOOK_LATER,
            Some(on_chain) => {
                lease.upkeep.see(on_chain, clock, now);
                if lease.phase == LeasePhase::Offered {
                    lease.phase = LeasePhase::Held;
                    actions.push(Action::Journal(Record::LeaseHeld { lease: address }));
                }
                let silent = now.since(lease.upkeep.heard);
                let is_overdue = is_reported && lease.is_released() && silent >= LAST_WORD;
                let surely_silent = silent.min(now.since(lease.upkeep.known_since));
                // Its last one waits for other leases of the job.
                let has_unredeemed = on_chain.state.is_live()
                    && lease.unredeemed(&on_chain).is_some_and(|(voucher, _)| !voucher.is_final);
                let is_alone = has_unredeemed && surely_silent >= SILENCE.max(Seconds(on_chain.settle_grace.0 / 4));
                // Twice within the grace, for a cancel may begin it at any time.
                let later = if has_unredeemed { Seconds(on_chain.settle_grace.0 / 2) } else { LOOK_LATER };
                let later = later.clamp(LOOK_AGAIN, LOOK_LATER);
                match if is_overdue || is_alone { Some(clock) } else { last_quarter(&on_chain) } {
                    None => LOOK_LATER,
                    // Not longer: an endpoint that is behind must not have it miss the deadline.
                    Some(from) if clock < from => from.since(clock).min(later),
                    Some(_) => {
                        actions.extend(due(address, lease, &on_chain, (busy, works, silent), clock));
                        LOOK_AGAIN
                    }
                }
            }
        };
        // Told by whoever brought it there; this is for one who has fallen silent since.
        let preempted_at = account.map(|on_chain| on_chain.preempted_at).filter(|at| *at > UnixSeconds::ZERO);
        // An offer whose transaction has not landed yet soon has or never will, also where its end was told before that,
        // and a last voucher is soon settled.
        let is_soon = lease.phase == LeasePhase::Offered
            || lease.upkeep.awaits_more_time(now)
            || (is_reported && (lease.is_attested() || account.is_none()));
        let wait = if is_soon { wait.min(LOOK_AGAIN) } else { wait };
        lease.upkeep.look_at = now.after(wait).unwrap_or(UnixSeconds::MAX);
        // Now that its start timeout is known, and after a restart how long ago it was signed.
        let secrets = lease.secrets();
        for task in self.tasks.values_mut().filter(|task| task.key().lease == address) {
            task.await_secrets(secrets, actions);
        }
        if let Some(preempted_at) = preempted_at {
            self.on_notice(address, preempted_at.since(clock), now, actions);
        }
        if has_ended {
            self.on_end_lease(address, now, actions);
        }
    }
}

/// When the last quarter before the lease's next deadline begins; none where the node has none to meet.
fn last_quarter(lease: &OnChain) -> Option<UnixSeconds> {
    match lease.state {
        LeaseState::Assigned => Some(last_quarter_of(lease.start_by, lease.start_timeout)),
        LeaseState::Running => {
            let noticed = Some(lease.preempted_at).filter(|at| *at > UnixSeconds::ZERO);
            let ends = [Some(lease.ends_by), noticed].into_iter().flatten();
            let settled = ends.filter_map(|end| end.after(lease.settle_grace).ok());
            let latest = settled.map(|deadline| last_quarter_of(deadline, lease.settle_grace));
            latest.chain([last_quarter_of(lease.checkpoint_by, lease.checkpoint_interval)]).min()
        }
        LeaseState::Reported | LeaseState::Disputed => None,
    }
}

fn last_quarter_of(deadline: UnixSeconds, whole: Seconds) -> UnixSeconds {
    deadline.saturating_minus(UnixSeconds(whole.0 / 4))
}

fn due(
    address: Address,
    lease: &Lease,
    on_chain: &OnChain,
    (busy, works, silent): (bool, bool, Seconds),
    clock: UnixSeconds,
) -> Option<Action> {
    if let Some((voucher, signature)) = lease.unredeemed(on_chain) {
        return Some(Action::Redeem { voucher: *voucher, signature: signature.to_vec() });
    }
    let allowed = |transition: fn(&mut OnChain, UnixSeconds) -> Result<(), millrace_protocol::Error>| {
        transition(&mut on_chain.clone(), clock).is_ok()
    };
    match on_chain.state {
        // A slow start, or one of which nothing is attested yet, though the work may be over: whoever is to do that may
        // be back in time then.
        LeaseState::Assigned if busy || silent.0 >= on_chain.start_timeout.0 / 2 => {
            allowed(transitions::extend_start).then_some(Action::ExtendStart(address))
        }
        // An attestor that speaks attests what there is; one that is away must not cost the bond.
        LeaseState::Running if works && silent.0 >= on_chain.checkpoint_interval.0 / 2 => {
            let is_time = clock >= last_quarter_of(on_chain.checkpoint_by, on_chain.checkpoint_interval);
            (is_time && allowed(transitions::hold_lease)).then_some(Action::HoldLease(address))
        }
        _ => None,
    }
}
