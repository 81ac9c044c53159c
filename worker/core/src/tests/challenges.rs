use millrace_protocol::{Diagnostic, UnixSeconds};

use super::rig::{LEASE, terms};
use crate::*;

const NOW: UnixSeconds = UnixSeconds(1_000);

fn asked(agent: &mut Agent, number: u64) -> Vec<Action> {
    agent.on_event(Event::ChallengeAsked { number, until: UnixSeconds(1_060) }, NOW)
}

fn accepted(agent: &mut Agent) -> Vec<Action> {
    agent.on_event(Event::OfferAccepted { lease: LEASE, terms: terms() }, NOW)
}

fn declined(number: u64, reason: ChallengeRefusal) -> Action {
    Action::Report(Report::ChallengeDeclined { number, reason })
}

#[test]
fn an_idle_rig_answers_one_challenge_at_a_time() {
    let mut agent = Agent::default();
    assert_eq!(asked(&mut agent, 1), [Action::AnswerChallenge(1)]);
    assert_eq!(asked(&mut agent, 2), [declined(2, ChallengeRefusal::UnderWay)]);
    agent.on_event(Event::ChallengeEnded(7), NOW);
    assert_eq!(asked(&mut agent, 3), [declined(3, ChallengeRefusal::UnderWay)]);
    agent.on_event(Event::ChallengeEnded(1), NOW);
    assert_eq!(asked(&mut agent, 4), [Action::AnswerChallenge(4)]);
}

#[test]
fn a_rig_that_works_answers_none() {
    let mut agent = Agent::default();
    accepted(&mut agent);
    assert_eq!(asked(&mut agent, 1), [declined(1, ChallengeRefusal::Busy)]);
    agent.on_event(Event::LeaseOver(LEASE), NOW);
    assert_eq!(asked(&mut agent, 2), [Action::AnswerChallenge(2)]);
}

#[test]
fn a_job_that_comes_ends_it_before_anything_is_promised() {
    let mut agent = Agent::default();
    asked(&mut agent, 1);
    let actions = accepted(&mut agent);
    let given_up = [Action::GiveUpChallenge(1), declined(1, ChallengeRefusal::JobCame)];
    assert_eq!(actions[..2], given_up);
    assert!(matches!(actions[2], Action::Journal(Record::LeaseAccepted { .. })));
    // It is told once, and nothing new begins before the GPUs are free.
    assert_eq!(agent.on_event(Event::Tick, UnixSeconds(1_060)), [Action::ReadLease(LEASE)]);
    agent.on_event(Event::LeaseOver(LEASE), NOW);
    assert_eq!(asked(&mut agent, 2), [declined(2, ChallengeRefusal::UnderWay)]);
    agent.on_event(Event::ChallengeEnded(1), NOW);
    assert_eq!(asked(&mut agent, 3), [Action::AnswerChallenge(3)]);
}

#[test]
fn it_ends_with_its_time_with_its_gpu_and_with_the_link_it_came_over() {
    let fault = GpuFault::Lost;
    let ends: [(Event, u64, ChallengeRefusal); 3] = [
        (Event::Tick, 1_060, ChallengeRefusal::TimeUp),
        (Event::GpuFault { gpu: 0, fault }, 1_001, ChallengeRefusal::GpuFaulty { gpu: 0, fault }),
        (Event::Connected, 1_001, ChallengeRefusal::UnderWay),
    ];
    for (event, at, reason) in ends {
        let mut agent = Agent::default();
        asked(&mut agent, 1);
        assert_eq!(agent.on_event(Event::Tick, UnixSeconds(1_059)), []);
        let actions = agent.on_event(event, UnixSeconds(at));
        assert_eq!(actions[..2], [Action::GiveUpChallenge(1), declined(1, reason)]);
    }
    let mut agent = Agent::default();
    agent.on_event(Event::GpuFault { gpu: 0, fault }, NOW);
    let actions = asked(&mut agent, 1);
    assert_eq!(actions, [declined(1, ChallengeRefusal::GpuFaulty { gpu: 0, fault })]);
}

#[test]
fn each_reason_has_a_code_and_a_hint() {
    let fault = GpuFault::Lost;
    let reasons = [
        ChallengeRefusal::Busy,
        ChallengeRefusal::UnderWay,
        ChallengeRefusal::GpuFaulty { gpu: 0, fault },
        ChallengeRefusal::JobCame,
        ChallengeRefusal::TimeUp,
    ];
    for reason in reasons {
        assert!(!reason.code().is_empty() && !reason.hint().is_empty() && !reason.to_string().is_empty());
    }
}
