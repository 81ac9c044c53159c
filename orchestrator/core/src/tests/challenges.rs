//! Nodes show their GPUs before work that asks for it, again in time, and never beside work.

use millrace_protocol::{
    Address, GpuUnits, Hardware, HardwareAttestation, HardwareClass, JobTerms, MicroUsdc, PricePerGpuHour, Seconds,
    UnixSeconds, Verification,
};
use millrace_spec::Sha256;

use super::world::*;
use crate::decide::LASTS;
use crate::*;

const DRIVER: u8 = 7;

fn real() -> Hardware {
    Hardware { simulated: false, ..hardware() }
}

/// Connected nodes with a real GPU each, of the given names.
fn world(gpus: &[&str]) -> World {
    let mut world = World::new();
    for (number, gpu) in (1..).zip(gpus) {
        let node = world.add_node(number, PricePerGpuHour(u64::from(number) * 100_000), real());
        world.rigs.get_mut(&node).unwrap().gpus = Some(vec![(*gpu).to_owned()]);
        world.connect(node);
    }
    world.drain();
    world
}

fn node(number: u32) -> Address {
    address(b'N', number)
}

fn shown_under(gpu: &str, driver: u8) -> ChallengeResult {
    let part =
        GpuEvidence { gpu: gpu.to_owned(), nonce: Sha256([1; 32]), tiles: 2, root: Sha256([2; 32]), took: 1_000 };
    let evidence = Evidence { gpus: vec![part], driver: Sha256([driver; 32]), simulated: false, score: 900 };
    ChallengeResult::Shown(Box::new(evidence))
}

fn shown(gpu: &str) -> ChallengeResult {
    shown_under(gpu, DRIVER)
}

fn picky() -> JobTerms {
    let verification = Verification::AttestedHardware { class: HardwareClass::Challenged };
    JobTerms { verification, ..terms() }
}

fn attested_until(world: &World, number: u32) -> Option<UnixSeconds> {
    let attestation = world.nodes[&node(number)].node.attestation;
    attestation.shows(HardwareClass::Challenged, world.now().chain).then_some(attestation.expires_at)
}

fn attestations(world: &World) -> usize {
    world.count(|action| matches!(action, Action::AttestNode { .. }))
}

fn asked(world: &World) -> usize {
    world.count(|action| matches!(action, Action::ChallengeNode(_)))
}

fn refusal(world: &World, number: u32) -> Option<&str> {
    world.core.proof(node(number))?.refused.as_ref().map(|refused| refused.cause.code.as_str())
}

#[test]
fn a_node_shows_its_gpus_before_a_job_that_asks_for_it_and_the_chain_says_so() {
    let mut world = world(&["GPU-1"]);
    let job = world.add_job(1, picky(), workload(1));
    world.drain();
    let order = &world.challenges[0];
    assert_eq!(
        (order.gpus.as_slice(), order.vram_mib, order.simulated),
        (["GPU-1".to_owned()].as_slice(), 24_576, false)
    );
    let explanation = world.explain(job);
    assert_eq!(explanation.exclusions[&Constraint::HardwareUnattested].alone, 1);
    assert!(world.offers().is_empty());

    world.answer(node(1), shown("GPU-1"));
    assert_eq!(attested_until(&world, 1), Some(world.now().chain.after(LASTS).unwrap()));
    world.pass(20);
    assert!(world.finished(job));
    assert_eq!((asked(&world), attestations(&world)), (1, 1));
}

#[test]
fn who_answers_no_challenges_is_served_as_before() {
    let mut world = World::with_nodes(1);
    let job = world.add_job(1, terms(), workload(1));
    world.pass(20);
    assert!(world.finished(job));
    assert_eq!((asked(&world), world.core.proof(node(1))), (0, None));
}

#[test]
fn a_wrong_or_late_answer_keeps_the_node_from_work_that_asks_and_from_no_other() {
    for code in ["challenge-wrong-product", "challenge-commitment-late", "challenge-other-gpu"] {
        let mut world = world(&["GPU-1"]);
        world.answer(node(1), ChallengeResult::Refused(cause(code)));
        let job = world.add_job(1, picky(), workload(1));
        world.pass(5);
        assert_eq!(refusal(&world, 1), Some(code));
        assert_eq!(world.count(|action| matches!(action, Action::TellRefusal { .. })), 1, "its owner is told");
        assert_eq!(attestations(&world), 0, "there is nothing to take back");
        let explanation = world.explain(job);
        assert_eq!(explanation.exclusions.keys().copied().collect::<Vec<_>>(), [Constraint::ChallengeRefused]);
        let change = explanation.suggestion.unwrap().change;
        assert_eq!(change, Change::AcceptHardware(HardwareClass::Claimed));
        let other = world.add_job(2, terms(), workload(1));
        world.pass(20);
        assert!(world.finished(other) && world.offers().len() == 1);
    }
}

#[test]
fn who_was_refused_is_asked_again_later_and_later_and_can_make_it_good() {
    let mut world = world(&["GPU-1"]);
    let mut waits = Vec::new();
    for _ in 0..3 {
        world.answer(node(1), ChallengeResult::Refused(cause("challenge-wrong-product")));
        let since = world.millis;
        while world.challenges.is_empty() {
            world.pass(1);
        }
        waits.push((world.millis - since) / 1_000);
    }
    assert_eq!(waits, [300, 600, 1_200]);
    let job = world.add_job(1, picky(), workload(1));
    world.drain();
    world.answer(node(1), shown("GPU-1"));
    world.pass(20);
    assert!(world.finished(job) && refusal(&world, 1).is_none());
}

#[test]
fn a_later_failure_takes_the_attestation_back() {
    let mut world = world(&["GPU-1"]);
    world.answer(node(1), shown("GPU-1"));
    assert!(attested_until(&world, 1).is_some());
    world.pass(43_200);
    assert_eq!(world.challenges.len(), 1, "half of its time has passed");
    world.chain_down = true;
    world.answer(node(1), ChallengeResult::Refused(cause("challenge-opening-late")));
    let job = world.add_job(1, picky(), workload(1));
    world.pass(3);
    assert!(attested_until(&world, 1).is_some(), "the chain does not know yet");
    assert!(world.explain(job).exclusions.contains_key(&Constraint::ChallengeRefused) && world.offers().is_empty());
    world.chain_down = false;
    world.pass(5);
    assert_eq!(attested_until(&world, 1), None);
}

#[test]
fn a_gpu_is_of_the_node_that_has_shown_it() {
    let mut world = world(&["GPU-1", "GPU-1"]);
    assert_eq!(world.challenges.len(), 2, "nobody has shown it yet");
    world.answer(node(2), shown("GPU-1"));
    world.answer(node(1), shown("GPU-1"));
    assert_eq!((refusal(&world, 1), refusal(&world, 2)), (Some("challenge-gpu-elsewhere"), None));
    assert!(attested_until(&world, 1).is_none() && attested_until(&world, 2).is_some());
    let order = world.log.len();
    world.pass(301);
    let again = world.log[order..].iter().any(|action| matches!(action, Action::ChallengeNode(_)));
    assert!(!again && refusal(&world, 1).is_some(), "it need not even be asked");
    world.nodes.remove(&node(2));
    world.feed(Event::AccountGone { address: node(2) });
    world.pass(700);
    world.answer(node(1), shown("GPU-1"));
    assert!(attested_until(&world, 1).is_some(), "the other one is gone");
}

#[test]
fn what_a_worker_names_must_be_what_is_registered() {
    for gpus in [vec![], vec!["GPU-1".to_owned(), "GPU-2".to_owned()]] {
        let mut world = World::new();
        let rig = world.add_node(1, PricePerGpuHour(100_000), real());
        world.rigs.get_mut(&rig).unwrap().gpus = Some(gpus);
        world.connect(rig);
        world.drain();
        assert_eq!((refusal(&world, 1), asked(&world)), (Some("challenge-gpus-differ"), 0));
    }
    let mut world = World::new();
    let rig = world.add_node(1, PricePerGpuHour(100_000), Hardware { gpu_count: 2, ..real() });
    world.rigs.get_mut(&rig).unwrap().gpus = Some(vec!["GPU-1".to_owned(); 2]);
    world.connect(rig);
    world.drain();
    assert_eq!((refusal(&world, 1), asked(&world)), (Some("challenge-gpu-elsewhere"), 0));
}

#[test]
fn another_driver_is_refused_once_and_then_shown() {
    let mut world = world(&["GPU-1"]);
    world.answer(node(1), shown("GPU-1"));
    world.pass(43_200);
    world.answer(node(1), shown_under("GPU-1", DRIVER + 1));
    assert_eq!(refusal(&world, 1), Some("challenge-driver-changed"));
    world.pass(5);
    assert_eq!(attested_until(&world, 1), None);
    world.pass(300);
    world.answer(node(1), shown_under("GPU-1", DRIVER + 1));
    assert!(refusal(&world, 1).is_none() && attested_until(&world, 1).is_some());
}

#[test]
fn which_gpus_a_node_has_shown_and_when_is_remembered_over_a_restart() {
    let mut world = world(&["GPU-1"]);
    let seen = |world: &World| {
        let history = &world.core.proof(node(1)).unwrap().history;
        history.iter().map(|seen| (seen.gpu.clone(), seen.first, seen.last)).collect::<Vec<_>>()
    };
    world.answer(node(1), shown("GPU-1"));
    let first = world.now().chain;
    assert_eq!(seen(&world), [("GPU-1".to_owned(), first, first)]);
    world.pass(43_200);
    world.answer(node(1), shown("GPU-1"));
    let last = world.now().chain;
    world.disconnect(node(1));
    world.rigs.get_mut(&node(1)).unwrap().gpus = Some(vec!["GPU-2".to_owned()]);
    world.connect(node(1));
    world.pass(43_200);
    world.answer(node(1), shown("GPU-2"));
    let swapped = world.now().chain;
    world.restart();
    assert_eq!(seen(&world), [("GPU-1".to_owned(), first, last), ("GPU-2".to_owned(), swapped, swapped)]);
}

#[test]
fn simulated_gpus_are_asked_and_never_attested() {
    let mut world = World::new();
    let rig = world.add_node(1, PricePerGpuHour(100_000), hardware());
    world.rigs.get_mut(&rig).unwrap().gpus = Some(vec!["SIMULATED-0".to_owned()]);
    world.connect(rig);
    world.drain();
    assert!(world.challenges[0].simulated);
    // Even if it says that a GPU answered.
    world.answer(rig, shown("SIMULATED-0"));
    let job = world.add_job(1, picky(), workload(1));
    world.pass(10);
    let proof = world.core.proof(rig).unwrap();
    assert!(proof.shown.as_ref().unwrap().evidence.simulated && proof.standing(world.now().chain).is_none());
    assert_eq!((attestations(&world), world.offers().len()), (0, 0));
    assert!(world.explain(job).exclusions.contains_key(&Constraint::HardwareUnattested));
}

#[test]
fn a_processor_that_answers_for_a_gpu_is_refused() {
    let mut world = world(&["GPU-1"]);
    let ChallengeResult::Shown(mut evidence) = shown("GPU-1") else { panic!() };
    evidence.simulated = true;
    world.answer(node(1), ChallengeResult::Shown(evidence));
    assert_eq!(refusal(&world, 1), Some("challenge-simulated"));
}

#[test]
fn a_rig_that_works_is_asked_when_it_is_done() {
    let mut world = World::new();
    let rig = world.add_node(1, PricePerGpuHour(100_000), real());
    let gpus = Some(vec!["GPU-1".to_owned()]);
    world.connect(rig);
    world.task_millis = 30_000;
    let job = world.add_job(1, terms(), workload(1));
    world.pass(3);
    // The worker is upgraded while a task runs.
    world.rigs.get_mut(&rig).unwrap().gpus = gpus;
    world.connect(rig);
    world.pass(15);
    assert_eq!(asked(&world), 0);
    while !world.finished(job) {
        world.pass(1);
    }
    world.pass(6);
    assert_eq!(asked(&world), 1);
}

#[test]
fn it_is_asked_again_between_jobs_but_not_between_any_two() {
    let mut world = world(&["GPU-1"]);
    world.answer(node(1), shown("GPU-1"));
    for number in 1..=2 {
        let job = world.add_job(number, picky(), workload(1));
        world.pass(20);
        assert!(world.finished(job));
    }
    assert_eq!(asked(&world), 1);
    world.pass(3_600);
    assert_eq!(asked(&world), 2);
    let before = attested_until(&world, 1);
    world.answer(node(1), shown("GPU-1"));
    assert!(attested_until(&world, 1) > before);
    world.pass(7_200);
    assert_eq!(asked(&world), 2, "nothing ran since");
}

#[test]
fn giving_up_is_no_failure() {
    let mut world = world(&["GPU-1"]);
    world.answer(node(1), ChallengeResult::GivenUp);
    world.pass(59);
    assert_eq!(asked(&world), 1);
    world.pass(1);
    assert_eq!((asked(&world), refusal(&world, 1)), (2, None));
    // So is going away.
    world.disconnect(node(1));
    world.drain();
    let late = world.challenges.remove(0).challenge;
    world.feed(Event::ChallengeEnded { node: node(1), challenge: late, result: shown("GPU-1") });
    assert!(attested_until(&world, 1).is_none(), "the question was of another stream");
    world.pass(120);
    assert_eq!(asked(&world), 2, "nobody is there");
    world.connect(node(1));
    world.drain();
    assert_eq!(asked(&world), 3);
}

#[test]
fn an_answer_that_never_comes_is_waited_for_no_longer_than_stated() {
    let mut world = world(&["GPU-1"]);
    world.pass(1_199);
    assert_eq!(asked(&world), 1);
    world.pass(1);
    assert_eq!(asked(&world), 2);
}

#[test]
fn other_hardware_and_another_key_have_shown_nothing() {
    let changes: [fn(&mut NodeView); 2] = [|view| view.key = Address([3; 32]), |view| view.node.hardware.vram_mib += 1];
    for change in changes {
        let mut world = world(&["GPU-1"]);
        world.answer(node(1), shown("GPU-1"));
        world.pass(10);
        let view = world.nodes.get_mut(&node(1)).unwrap();
        change(view);
        // An attestation that lands just behind the change is of what was before it.
        world.see_node(node(1));
        world.drain();
        assert_eq!((attested_until(&world, 1), asked(&world)), (None, 2));
        world.answer(node(1), shown("GPU-1"));
        world.pass(5);
        assert!(attested_until(&world, 1).is_some());
    }
}

#[test]
fn an_attestation_of_somebody_elses_is_left_alone_and_an_enclave_needs_no_challenge() {
    for (class, questions) in [(HardwareClass::Challenged, 1), (HardwareClass::Enclave, 0)] {
        let mut world = World::new();
        let rig = world.add_node(1, PricePerGpuHour(100_000), real());
        let attestation = HardwareAttestation { class, expires_at: UnixSeconds(START + 100) };
        world.nodes.get_mut(&rig).unwrap().node.attestation = attestation;
        world.see_node(rig);
        world.rigs.get_mut(&rig).unwrap().gpus = Some(vec!["GPU-1".to_owned()]);
        world.connect(rig);
        world.pass(50);
        assert_eq!((asked(&world), attestations(&world)), (questions, 0));
        assert_eq!(world.nodes[&rig].node.attestation, attestation);
    }
}

/// Killed and started again after each of its steps, it comes to the same end, and says nothing twice that the
/// chain has.
#[test]
fn a_restart_at_any_step_repeats_nothing_that_is_there() {
    for step in 0..5 {
        let mut world = World::new();
        let rig = world.add_node(1, PricePerGpuHour(100_000), real());
        world.rigs.get_mut(&rig).unwrap().gpus = Some(vec!["GPU-1".to_owned()]);
        world.connect(rig);
        world.chain_down = step == 2;
        if step > 0 {
            world.drain();
        }
        if step > 1 {
            world.answer(rig, shown("GPU-1"));
        }
        world.pass(if step == 4 { 100 } else { 0 });
        world.restart();
        world.chain_down = false;
        world.drain();
        if step < 2 {
            world.answer(rig, shown("GPU-1"));
        }
        world.pass(10);
        assert!(attested_until(&world, 1).is_some(), "step {step}");
        let landed = world.disk[&(rig, 0, 3)].clone();
        world.restart();
        world.pass(100);
        let sent = attestations(&world);
        assert_eq!(sent, if step == 2 { 2 } else { 1 }, "step {step}");
        assert_eq!((asked(&world), &world.disk[&(rig, 0, 3)]), (if step == 1 { 2 } else { 1 }, &landed));
    }
}

#[test]
fn a_refusal_outlives_a_restart() {
    let mut world = world(&["GPU-1"]);
    world.answer(node(1), shown("GPU-1"));
    world.pass(43_200);
    world.chain_down = true;
    world.answer(node(1), ChallengeResult::Refused(cause("challenge-wrong-product")));
    world.restart();
    let job = world.add_job(1, picky(), workload(1));
    world.pass(3);
    assert_eq!(refusal(&world, 1), Some("challenge-wrong-product"));
    assert!(world.explain(job).exclusions.contains_key(&Constraint::ChallengeRefused) && world.offers().is_empty());
    assert!(world.challenges.is_empty());
    world.chain_down = false;
    world.pass(10);
    assert_eq!(attested_until(&world, 1), None);
}

#[test]
fn a_job_that_is_there_first_comes_first_and_the_worker_gives_up() {
    let mut world = world(&["GPU-1"]);
    assert_eq!(asked(&world), 1);
    world.task_millis = 200_000;
    let long = JobTerms { lease_seconds: Seconds(600), deposit: MicroUsdc(5_000_000), ..terms() };
    world.add_job(1, long, workload(1));
    world.drain();
    assert_eq!(world.nodes[&node(1)].node.leased, GpuUnits(1));
    world.answer(node(1), ChallengeResult::GivenUp);
    world.pass(150);
    assert_eq!(asked(&world), 1);
}
