//! Strangers' programs that mean harm, in real containers: each ends with its cause, the rig is well, and the
//! next job on it is fine. `docs/security-worker.md` names the test behind each line of defence.

mod ascent;
mod early_outputs;
mod exhaustion;
mod images;
mod network;
mod outputs;
mod persistence;

use std::sync::Arc;

use millrace_link::grpc::{Fault, Phase, TaskUpdate};
use millrace_spec::JobSpec;
use millrace_worker::PullPolicy;
use millrace_worker::container::Engine;
use millrace_worker::container::docker::Docker;

use crate::support::docker_is_here;
use crate::support::objects::Objects;
use crate::support::offer;
use crate::support::rig::Rig;

const IMAGE: &str = "millrace/hostile:1";

/// Seconds that a program gets which would never end. The honest one after it gets no more, on a busy machine, too.
const LIMIT: u64 = 5;

/// The engine with the hostile image, or a loud reason to skip.
async fn engine() -> Option<Arc<dyn Engine>> {
    if !docker_is_here() {
        return None;
    }
    let docker = Docker::connect(None, PullPolicy::Never).await.expect("Docker is installed but does not answer");
    let found = docker.local_image(IMAGE).await.unwrap();
    assert!(found.is_some(), "{IMAGE} is missing: build it with tools/images/build hostile");
    Some(Arc::new(docker))
}

/// A job whose first task does `attack`, and whose others are honest.
fn spec(attack: &str) -> JobSpec {
    let script = format!("[ $MILLRACE_TASK_INDEX = 0 ] || exec sh -c 'echo fine > /outputs/fine'\n{attack}\ntrue");
    JobSpec { image: IMAGE.into(), ..offer::spec(&script) }
}

/// A leased rig that runs `spec`; `None` without Docker.
async fn rig(spec: JobSpec) -> Option<Rig> {
    let mut rig = Rig::start(engine().await?, Objects::default(), spec).await;
    rig.leased().await;
    Some(rig)
}

/// The attack's end, after which nothing of it is left and an honest task on the same rig has done its work.
async fn end_of_attack(rig: &mut Rig) -> TaskUpdate {
    rig.assign(0);
    let end = rig.orchestrator.end().await;
    aftermath(rig).await;
    end
}

/// Nothing of the attack is left, and an honest task does its work.
async fn aftermath(rig: &mut Rig) {
    assert!(rig.is_clean().await, "something of the attack is left");
    rig.assign(1);
    let next = rig.orchestrator.end().await;
    assert_eq!(next.phase(), Phase::Done, "the next task: {:?}", next.failure);
    assert_eq!(rig.objects.get(&next.outputs[0].sha256).unwrap().as_ref(), b"fine\n");
    assert!(rig.is_clean().await, "something of the next task is left");
}

/// Code of the failure that the attack ends with, for which its job answers, and what else is said of it.
async fn failure_of(spec: JobSpec) -> Option<(String, String)> {
    let mut rig = rig(spec).await?;
    let end = end_of_attack(&mut rig).await;
    let failure = end.failure.expect("the attack should fail");
    assert_eq!(failure.fault(), Fault::Job, "{failure:?}");
    rig.stop().await;
    Some((failure.code, failure.cause))
}

/// What the attack wrote into the file `/outputs/report`, having ended well.
async fn report_of(rig: &mut Rig) -> String {
    let end = end_of_attack(rig).await;
    assert_eq!(end.phase(), Phase::Done, "{:?}", end.failure);
    let report = end.outputs.iter().find(|output| output.path == "report").expect("no report");
    String::from_utf8(rig.objects.get(&report.sha256).unwrap().to_vec()).unwrap()
}
