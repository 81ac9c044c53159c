//! What goes wrong at the edges: each has its code, cause and hint, and leaves no container, no
//! lease and no money behind.

use std::path::{Path, PathBuf};
use std::process::Command;

use millrace_client::{Keypair, keys};
use millrace_protocol::MicroUsdc;

use crate::jobs::Shell;
use crate::network::{BUDGET, Network, rigs, run, running};

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_job_file_names_line_and_field() {
    let network = Network::with(&rigs(1)).await;
    let file = Shell::default().write(network.folder());
    let good = std::fs::read_to_string(&file).unwrap();

    std::fs::write(&file, good.replace("count = 3", "count = three")).unwrap();
    let said = network.millrace(&["job", "submit", &file.display().to_string()]).await;
    said.refused(1, "job-file-syntax");
    assert!(said.stderr.contains("line 6"), "{}", said.stderr);

    std::fs::write(&file, good.replace("lease = \"10m\"", "lease = \"soon\"")).unwrap();
    let said = network.millrace(&["job", "submit", &file.display().to_string()]).await;
    said.refused(1, "job-file-field");
    assert!(said.stderr.contains("`budget.lease` is `soon`"), "{}", said.stderr);

    std::fs::write(&file, good + "\n[inputs]\n\"scene\" = \"nowhere.pov\"\n").unwrap();
    let said = network.millrace(&["job", "submit", &file.display().to_string()]).await;
    said.refused(1, "input-unreadable");
    network.untouched().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_image_fails_the_job_and_refunds_it() {
    let network = Network::with(&rigs(2)).await;
    let file = Shell { image: "millrace/nowhere:9", tasks: 1, ..Shell::default() }.write(network.folder());
    let said = network.millrace(&["job", "submit", &file.display().to_string(), "--follow"]).await;
    said.refused(1, "image-missing");
    assert!(said.stderr.contains("millrace/nowhere:9"), "{}", said.stderr);
    assert_eq!(network.balance().await, BUDGET, "no container ran, so nothing is owed");
    network.idle().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_rpc_is_told_from_a_refusal() {
    let folder = tempfile::tempdir().unwrap();
    let file = Shell::default().write(folder.path());
    let key = folder.path().join("id.json");
    keys::save(&key, &Keypair::new()).unwrap();
    let (file, key) = (file.display().to_string(), key.display().to_string());
    // Port 1 is reserved and nobody listens there.
    let said =
        run(folder.path(), &["--rpc-url", "http://127.0.0.1:1", "--keypair", &key, "job", "submit", &file]).await;
    said.refused(3, "rpc-unreachable");
    assert!(said.stderr.contains("http://127.0.0.1:1"), "{}", said.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreachable_orchestrator_is_told_before_anything_is_paid() {
    let network = Network::bare().await;
    let file = Shell::default().write(network.folder());
    let arguments = ["--orchestrator-url", "http://127.0.0.1:1", "job", "submit", &file.display().to_string()];
    let stage = network.stage();
    let (rpc, key) = (stage.localnet.rpc_url(), stage.buyer_key().display().to_string());
    let all: Vec<_> = ["--rpc-url", &rpc, "--keypair", &key].into_iter().chain(arguments).collect();
    run(network.folder(), &all).await.refused(3, "orchestrator-unreachable");
    network.untouched().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_buyer_without_funds_is_told_both_numbers() {
    let network = Network::with(&rigs(1)).await;
    // Three leases of ten minutes at 2000 USDC an hour.
    let file = Shell { maximum_price: "2000", ..Shell::default() }.write(network.folder());
    let said = network.millrace(&["job", "submit", &file.display().to_string()]).await;
    said.refused(1, "insufficient-usdc");
    assert!(said.stderr.contains("20.000000 USDC and needs"), "{}", said.stderr);
    network.untouched().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_key_the_chain_does_not_know_is_refused() {
    let network = Network::with(&rigs(1)).await;
    let key = network.folder().join("stranger.json");
    keys::save(&key, &Keypair::new()).unwrap();
    let data = network.folder().join("stranger");
    let said = network
        .millrace(&[
            "worker",
            "run",
            "--node-key",
            &key.display().to_string(),
            "--data-dir",
            &data.display().to_string(),
        ])
        .await;
    said.refused(1, "node-unknown");
    network.untouched().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_on_a_full_disk_does_not_start() {
    let mut network = Network::with(&rigs(1)).await;
    // A rig has one worker at a time.
    network.stage_mut().kill_worker(0).await;
    let (key, data) = (network.stage().actors[0].node_key.clone(), network.folder().join("full"));
    // No disk has so much: the reserve is what the worker keeps free, so this one is full.
    let said = network
        .millrace(&[
            "worker",
            "run",
            "--node-key",
            &key.display().to_string(),
            "--data-dir",
            &data.display().to_string(),
            "--simulated-gpu",
            "rtx-4090:24576",
            "--disk-reserve",
            "3000000GiB",
        ])
        .await;
    said.refused(1, "disk-full");
    network.untouched().await;
    network.strike().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_fills_up_under_a_job_fails_it_in_order() {
    let mut network = Network::bare().await;
    network.stage_mut().add_rig(rigs(1)[0]).await.unwrap();
    let disk = SmallDisk::mount(&network.stage().actors[0].data_dir);
    let Some(_disk) = disk else {
        eprintln!("skipped: this user may not mount a tmpfs");
        return;
    };
    network.stage_mut().start_orchestrator().await.unwrap();
    network.stage_mut().start_worker_with(0, &["--disk-reserve", "2MiB"]).await.unwrap();
    network.stage().connected(1).await.unwrap();
    let script = "sleep 4; head -c 8000000 /dev/zero > /outputs/big";
    let file = Shell { script, tasks: 1, leases: 1, start_window: "5s", ..Shell::default() };
    let path = file.write(network.folder());
    let small = std::fs::read_to_string(&path).unwrap().replace("disk = \"64MiB\"", "disk = \"12MiB\"");
    std::fs::write(&path, small).unwrap();
    let job = network.submit(&path).await;
    let actor = &network.stage().actors[0];
    network.until(job, "running", |_| !running(actor.node).is_empty()).await;
    fill(&actor.data_dir);
    let (status, history) = network.closed(job).await;
    let failure = status.failure.clone().or(status.tasks[0].failure.clone()).expect("a failure with its reason");
    assert_eq!(failure.code, "disk-full", "{failure:?}");
    assert!(!failure.hint.is_empty() && !failure.cause.is_empty());
    let statement = history.statement();
    assert!(statement.balanced(), "{statement:#?}");
    assert!(statement.in_vault == MicroUsdc::ZERO);
    network.idle().await;
    network.strike().await;
}

/// Writes until nothing more fits.
fn fill(folder: &Path) {
    use std::io::Write;
    let mut file = std::fs::File::create(folder.join("filler")).unwrap();
    while file.write_all(&[0; 4_096]).is_ok() {}
}

/// A tmpfs of 24 MiB.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=24m", "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: containers of a test that failed may still hold it.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}
