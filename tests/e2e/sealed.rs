//! What only the buyer and the job's rig may know, through real processes.

use std::path::Path;

use crate::jobs::Shell;
use crate::network::{Network, rigs};

const SECRETS: [&str; 3] = ["a-scene-of-ours-alone", "correct-horse-battery", "what-we-made-of-it"];

/// Files below the folder that hold any of the secrets.
fn tell(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            tell(&path, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap_or_default();
        let holds = |secret: &&str| bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
        found.extend(
            SECRETS.iter().filter(|secret| holds(secret)).map(|secret| format!("{}: {secret}", path.display())),
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_works_on_what_nobody_between_its_buyer_and_its_rig_can_read() {
    let network = Network::with(&rigs(1)).await;
    // No secret is in the spec, which everybody on the way reads: the outputs' text is put together on the rig.
    let script = "cat /inputs/scene /run/secrets/token > /outputs/both; printf what-we- > /outputs/made; \
                  echo made-of-it >> /outputs/made; sleep 2";
    let file = Shell { script, tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let sealed = "[inputs]\nscene = \"scene.txt\"\n[secrets]\ntoken = \"token.txt\"\n[encryption]\ninputs = true\n\
                  outputs = \"wallet\"\n";
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + sealed).unwrap();
    std::fs::write(network.folder().join("scene.txt"), SECRETS[0]).unwrap();
    std::fs::write(network.folder().join("token.txt"), SECRETS[1]).unwrap();

    // Submitted and left alone: its task waits, and says for what.
    let job = network.submit(&file).await;
    network
        .until(job, "waiting for secrets", |status| {
            status.tasks.first().is_some_and(|task| task.secrets_until.is_some())
        })
        .await;
    let shown = network.millrace(&["job", "show", &job.to_string()]).await.stdout;
    assert!(shown.contains("waits for its secrets from the buyer"), "{shown}");

    let unlock = ["job", "unlock", &job.to_string(), &file.display().to_string()];
    let said = network.millrace(&unlock).await;
    assert_eq!(said.status, 0, "{}\n{}", said.stderr, network.logs());
    assert!(said.stderr.contains("has what was sealed for it"), "{}", said.stderr);
    network.closed(job).await;
    network.idle().await;

    // Neither orchestrator nor worker has any of it on disk, in logs, stores, journals or caches.
    let mut found = Vec::new();
    tell(&network.folder().join("network"), &mut found);
    assert!(found.is_empty(), "{found:#?}");

    let into = network.folder().join("out");
    let said = network.millrace(&["job", "outputs", &job.to_string(), "--into", &into.display().to_string()]).await;
    assert_eq!(said.status, 0, "{}", said.stderr);
    let both = std::fs::read_to_string(into.join("both")).unwrap();
    assert_eq!(both, format!("{}{}", SECRETS[0], SECRETS[1]));
    assert_eq!(std::fs::read_to_string(into.join("made")).unwrap(), format!("{}\n", SECRETS[2]));
    assert!(!into.join("both.age").exists());
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_who_does_not_come_has_a_failed_job_and_pays_nothing() {
    let network = Network::with(&rigs(1)).await;
    let file = Shell { tasks: 1, leases: 1, ..Shell::default() }.write(network.folder());
    let sealed = "[secrets]\ntoken = \"token.txt\"\n";
    std::fs::write(&file, std::fs::read_to_string(&file).unwrap() + sealed).unwrap();
    std::fs::write(network.folder().join("token.txt"), SECRETS[1]).unwrap();
    let job = network.submit(&file).await;
    let (status, history) = network.closed(job).await;
    assert_eq!(status.failure.unwrap().code, "secrets-missing");
    let statement = history.statement();
    assert_eq!((statement.paid().0, statement.fees().0, statement.compensation().0), (0, 0, 0), "{statement:#?}");
    network.idle().await;
    network.strike().await;
}
