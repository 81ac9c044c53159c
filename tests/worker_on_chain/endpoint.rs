//! A rig's endpoint as the rig is looked at.

use millrace_localnet::{Localnet, Options};
use millrace_worker::doctor::{Examination, Grade};

#[tokio::test(flavor = "multi_thread")]
async fn one_that_answers_is_good_and_one_that_is_gone_is_bad() {
    let folder = tempfile::tempdir().unwrap();
    let localnet = Localnet::start(Options::default()).await.unwrap();
    let url = localnet.rpc_url();
    let mut examination = Examination::new(folder.path(), 1);
    examination.docker_host = Some("unix:///nowhere/docker.sock".to_owned());
    let look = async |examination: &Examination| {
        let findings = examination.run().await.findings;
        findings.into_iter().find(|finding| finding.subject == "chain")
    };
    assert_eq!(look(&examination).await, None, "nobody has named one");
    examination.rpc_url = Some(url.clone());
    let found = look(&examination).await.unwrap();
    assert_eq!((found.grade, found.found), (Grade::Good, format!("{url} answers")));
    localnet.shutdown().await.unwrap();
    let found = look(&examination).await.unwrap();
    assert_eq!(found.grade, Grade::Bad);
    assert!(found.fix.unwrap().contains("--rpc-url"), "{}", found.found);
}
