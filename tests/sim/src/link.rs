//! Streams between rigs and the orchestrator: in order and whole like TCP's, unless the weather says that
//! messages get lost, come twice or overtake each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::harm::Harm;
use crate::message::{ToOrchestrator, ToRig};
use crate::name;
use crate::scenario::Fault;
use crate::simulation::{Simulation, What};

/// A peer that is gone without a word is noticed after this long at the latest.
const KEEP_ALIVE: u64 = 20_000;
/// Between two attempts to reach the orchestrator.
const REDIAL: (u64, u64) = (250, 3_000);

struct Stream {
    rig: usize,
    /// The worker's run that dialled.
    run: u64,
    /// When the last message sent each way arrives.
    down_at: u64,
    up_at: u64,
    /// Broken: nothing arrives any more.
    is_cut: bool,
    /// Which ends have noticed.
    rig_knows: bool,
    orchestrator_knows: bool,
}

#[derive(Default)]
pub struct Links {
    streams: BTreeMap<u64, Stream>,
    last: u64,
}

impl Links {
    pub fn rig_of(&self, session: u64) -> Option<usize> {
        self.streams.get(&session).map(|stream| stream.rig)
    }

    /// The stream's rig, while the orchestrator does not know that the stream is over.
    pub fn heard_from(&self, session: u64) -> Option<usize> {
        self.streams.get(&session).filter(|stream| !stream.orchestrator_knows).map(|stream| stream.rig)
    }

    /// The orchestrator notices that the stream is over.
    pub fn end_for_orchestrator(&mut self, session: u64) -> Option<usize> {
        let stream = self.streams.get_mut(&session)?;
        stream.orchestrator_knows = true;
        let rig = stream.rig;
        self.forget(session);
        Some(rig)
    }

    /// Once both ends know.
    fn forget(&mut self, session: u64) {
        if self.streams.get(&session).is_some_and(|stream| stream.rig_knows && stream.orchestrator_knows) {
            self.streams.remove(&session);
        }
    }
}

impl Simulation {
    /// Whether nothing gets through between the rig and the orchestrator.
    fn is_parted(&self, rig: usize) -> bool {
        self.suffers(Fault::PartitionOfAll) || self.suffers(Fault::Partition { rig })
    }

    /// The worker tries to reach the orchestrator, until it does.
    pub fn dial(&mut self, rig: usize, run: u64) {
        let worker = &self.rigs[rig];
        if worker.run != run || worker.agent.is_none() || worker.session.is_some() {
            return;
        }
        if self.is_parted(rig) || !self.orchestrator.is_open() {
            let pause = self.draw.between(REDIAL.0..=REDIAL.1);
            return self.plan(pause, What::Dial { rig, run });
        }
        self.links.last += 1;
        let session = self.links.last;
        let (down_at, up_at) = (self.now, self.now);
        self.links.streams.insert(
            session,
            Stream { rig, run, down_at, up_at, is_cut: false, rig_knows: false, orchestrator_knows: false },
        );
        self.rig_connects(rig, session);
    }

    /// How long from now a message arrives, once or twice, and what befalls it on its way. One that is lost comes
    /// as well: only then is it known whether anybody would have heard it.
    fn way(&mut self, session: u64, up: bool) -> Vec<(u64, BTreeSet<Harm>)> {
        let weather = self.scenario.weather;
        let (lost, twice) = (self.chance(weather.messages_lost), self.chance(weather.messages_twice));
        let swapped = self.chance(weather.messages_swapped);
        let (now, delay, later) = (self.now, self.delay(), self.delay());
        let Some(stream) = self.links.streams.get_mut(&session) else { return Vec::new() };
        if stream.is_cut {
            return Vec::new();
        }
        let last = if up { &mut stream.up_at } else { &mut stream.down_at };
        let in_turn = (now + delay).max(*last);
        if lost {
            return vec![(in_turn - now, BTreeSet::from([Harm::MessageLost]))];
        }
        let at = if swapped { now + delay * 3 } else { in_turn };
        if !swapped {
            *last = at;
        }
        let late = (at != in_turn).then_some(Harm::MessageLate);
        let mut copies = vec![(at - now, late.into_iter().collect())];
        if twice {
            copies.push((at - now + later, BTreeSet::from([Harm::MessageDoubled])));
        }
        copies
    }

    /// Notes what befell a message, now that somebody hears it. False where it was lost.
    pub fn is_heard(&mut self, harms: &BTreeSet<Harm>) -> bool {
        if harms.contains(&Harm::MessageLost) {
            self.harms.note(Harm::MessageLost);
            return false;
        }
        harms.iter().for_each(|harm| self.harms.note(*harm));
        true
    }

    pub fn send_to_rig(&mut self, session: u64, message: ToRig) {
        for (after, harms) in self.way(session, false) {
            let message = Box::new(message.clone());
            self.plan(after, What::ToRig { session, message, harms });
        }
    }

    pub fn send_to_orchestrator(&mut self, session: u64, message: ToOrchestrator) {
        for (after, mut harms) in self.way(session, true) {
            // An orchestrator ends a stream that does not begin with it, and the worker dials anew.
            if matches!(message, ToOrchestrator::Resume { .. }) {
                harms.remove(&Harm::MessageLost);
            }
            let message = Box::new(message.clone());
            self.plan(after, What::ToOrchestrator { session, message, harms });
        }
    }

    /// Whether a message that arrives now gets through. In a partition it waits, and is lost with the stream.
    pub fn gets_through(&self, session: u64) -> bool {
        self.links.streams.get(&session).is_some_and(|stream| !stream.is_cut)
    }

    /// How long a message still waits for a partition to end, where its stream outlives it.
    pub fn held_up(&self, session: u64) -> bool {
        self.links.streams.get(&session).is_some_and(|stream| self.is_parted(stream.rig))
    }

    pub fn is_of_run(&self, session: u64, rig: usize) -> bool {
        self.links.streams.get(&session).is_some_and(|stream| stream.run == self.rigs[rig].run)
    }

    /// Nothing arrives on the stream any more; each end notices in its own time.
    pub fn cut(&mut self, session: u64, notice: u64) {
        let Some(stream) = self.links.streams.get_mut(&session).filter(|stream| !stream.is_cut) else { return };
        stream.is_cut = true;
        let (rig, orchestrator) = (self.draw.between(1..=notice.max(2)), self.draw.between(1..=notice.max(2)));
        self.plan(rig, What::RigHearsEnd { session });
        self.plan(orchestrator, What::OrchestratorHearsEnd { session });
    }

    /// The stream of a rig that has one.
    pub fn cut_of(&mut self, rig: usize, notice: u64) {
        let sessions: Vec<u64> =
            self.links.streams.iter().filter(|(_, stream)| stream.rig == rig).map(|(session, _)| *session).collect();
        sessions.into_iter().for_each(|session| self.cut(session, notice));
    }

    /// A partition that outlasts the patience of both ends ends the stream.
    pub fn part(&mut self, rigs: &[usize], lasts: u64) {
        if lasts > KEEP_ALIVE {
            rigs.iter().for_each(|rig| self.cut_of(*rig, KEEP_ALIVE));
        }
    }

    pub fn end_stream_from_orchestrator(&mut self, session: u64) {
        if let Some(stream) = self.links.streams.get_mut(&session)
            && !stream.is_cut
        {
            stream.is_cut = true;
            self.plan(500, What::RigHearsEnd { session });
            self.plan(1, What::OrchestratorHearsEnd { session });
        }
    }

    pub fn end_all_streams(&mut self) {
        let sessions: Vec<u64> = self.links.streams.keys().copied().collect();
        for session in sessions {
            self.cut(session, 2_000);
        }
    }

    pub fn rig_hears_end(&mut self, session: u64) {
        let Some(stream) = self.links.streams.get_mut(&session).filter(|stream| !stream.rig_knows) else { return };
        stream.rig_knows = true;
        let (rig, run) = (stream.rig, stream.run);
        self.links.forget(session);
        if self.rigs[rig].run == run && self.rigs[rig].session == Some(session) {
            self.note(|| format!("{:<10} loses its stream {session}", name::short(name::node(rig))));
            self.rigs[rig].session = None;
            let pause = self.draw.between(REDIAL.0..=REDIAL.1);
            self.plan(pause, What::Dial { rig, run });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{FaultPlan, Scenario, Weather};

    const SESSION: u64 = 1;

    /// A rig with a stream.
    fn connected(weather: Weather) -> Simulation {
        let weather = Weather { delay: 20, ..weather };
        let mut simulation = Simulation::new(Scenario { weather, ..Scenario::large(1, 1, 1, 60_000) }, false);
        simulation.links.streams.insert(
            SESSION,
            Stream { rig: 0, run: 0, down_at: 0, up_at: 0, is_cut: false, rig_knows: false, orchestrator_knows: false },
        );
        simulation.rigs[0].session = Some(SESSION);
        simulation
    }

    fn say(simulation: &mut Simulation) {
        simulation.send_to_rig(SESSION, ToRig::Refused { code: "gpu-missing".to_owned() });
    }

    /// The next message arrives, and nothing else happens.
    fn arrive(simulation: &mut Simulation) {
        while let Some((at, what)) = simulation.queue.next() {
            simulation.now = at;
            if let What::ToRig { session, message, harms } = what {
                return simulation.rig_hears(session, *message, harms);
            }
        }
        panic!("no message is on its way");
    }

    #[test]
    fn a_message_is_lost_where_the_rig_would_have_heard_it() {
        let mut simulation = connected(Weather { messages_lost: 1_000, ..Weather::default() });
        say(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageLost), 0);
        arrive(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageLost), 1);
        say(&mut simulation);
        simulation.cut(SESSION, 2_000);
        arrive(&mut simulation);
        say(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageLost), 1);
    }

    #[test]
    fn a_message_is_doubled_where_the_rig_hears_it_again() {
        let mut simulation = connected(Weather { messages_twice: 1_000, ..Weather::default() });
        say(&mut simulation);
        arrive(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageDoubled), 0);
        arrive(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageDoubled), 1);
        say(&mut simulation);
        arrive(&mut simulation);
        simulation.cut(SESSION, 2_000);
        arrive(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageDoubled), 1);
    }

    #[test]
    fn a_message_is_held_up_once_for_however_long() {
        let mut simulation = connected(Weather::default());
        simulation.scenario.faults = vec![FaultPlan { at: 0, lasts: 3_000, fault: Fault::Partition { rig: 0 } }];
        simulation.going_on.insert(0);
        say(&mut simulation);
        (0..3).for_each(|_| arrive(&mut simulation));
        assert_eq!(simulation.harms.times(Harm::MessageHeldUp), 0);
        simulation.going_on.clear();
        arrive(&mut simulation);
        assert_eq!(simulation.harms.times(Harm::MessageHeldUp), 1);
    }
}
