use std::collections::VecDeque;
use std::sync::Mutex;

use futures_util::future::BoxFuture;
use millrace_agent::{Event, Held, LeaseTerms};
use millrace_client::accounts::{JobAccount, LeaseAccount as OnChain, NodeAccount};
use millrace_protocol::voucher::{ExitClass, Voucher};
use millrace_protocol::{GpuUnits, PricePerGpuHour, Seconds, UnixSeconds};
use millrace_spec::Sha256;
use tokio::sync::Semaphore;

use super::*;
use crate::chain::Deed;

const NODE: Address = Address([1; 32]);
const LEASE: Address = Address([2; 32]);
const DUE: Due = Due { step: "finalize_lease", account: LEASE };

type Asked = (Address, Vec<Due>, HashMap<Address, u64>);

/// Answers what it is told to, once it may.
struct Answers {
    asked: Mutex<Vec<Asked>>,
    answers: Mutex<VecDeque<Result<Looked, Error>>>,
    may: Semaphore,
}

impl Chain for Answers {
    fn node(&self) -> BoxFuture<'_, Result<Option<NodeAccount>, Error>> {
        unreachable!()
    }

    fn job(&self, _address: Address) -> BoxFuture<'_, Result<JobAccount, Error>> {
        unreachable!()
    }

    fn scheduler(&self) -> BoxFuture<'_, Result<Address, Error>> {
        unreachable!()
    }

    fn lease(&self, _address: Address) -> BoxFuture<'_, Result<(Option<OnChain>, UnixSeconds), Error>> {
        unreachable!()
    }

    fn round(&self, _lease: Address) -> BoxFuture<'_, Result<(Option<Quorum>, UnixSeconds), Error>> {
        unreachable!()
    }

    fn bring_in(
        &self,
        node: Address,
        before: Vec<Due>,
        vouchers: HashMap<Address, u64>,
    ) -> BoxFuture<'_, Result<Looked, Error>> {
        self.asked.lock().unwrap().push((node, before, vouchers));
        async {
            self.may.acquire().await.unwrap().forget();
            self.answers.lock().unwrap().pop_front().expect("no answer is left")
        }
        .boxed()
    }

    fn act(&self, _lease: OnChain, _deed: Deed) -> BoxFuture<'_, Result<(), Error>> {
        unreachable!()
    }
}

/// A rig that has the third voucher of its lease.
fn agent() -> Agent {
    let mut agent = Agent::default();
    let terms = LeaseTerms {
        job: Address([3; 32]),
        spec: Sha256([4; 32]),
        attestor: Address([5; 32]),
        gpus: vec![0],
        price: PricePerGpuHour(1),
        units: GpuUnits(1),
        maximum: Seconds(600),
        cpu_millis: 1,
        memory_mib: 1,
        disk_mib: 1,
        accepted_at: UnixSeconds(1),
    };
    let voucher = Voucher {
        program: Address([6; 32]),
        lease: LEASE,
        sequence: 3,
        metered: Seconds(30),
        downtime: Seconds::ZERO,
        is_final: false,
        exit_class: ExitClass::Completed,
        result_root: [0; 32],
    };
    for event in [Event::OfferAccepted { lease: LEASE, terms }, Event::Voucher { voucher, signature: vec![7; 64] }] {
        agent.on_event(event, UnixSeconds(1));
    }
    agent
}

#[tokio::test]
async fn each_look_knows_what_was_due_at_the_last_one_and_none_overtakes_another() {
    let answers = [
        Ok(Looked { due: vec![DUE], failed: None }),
        Ok(Looked { due: vec![DUE], failed: Some(Error::TransactionMalformed) }),
        Err(Error::TransactionMalformed),
        Ok(Looked::default()),
    ];
    let chain =
        Arc::new(Answers { asked: Mutex::default(), answers: Mutex::new(answers.into()), may: Semaphore::new(0) });
    let (agent, troubles) = (agent(), Arc::new(Troubles::default()));
    let folder = tempfile::tempdir().unwrap();
    let clock = Clock::go_on(folder.path(), &[], &Held::of(&[]));
    let mut overdue = Overdue::new(NODE, chain.clone(), clock, troubles.clone());
    let mut seen = Vec::new();
    for n_troubles in [0, 1, 2, 2] {
        overdue.look(&agent);
        tokio::task::yield_now().await;
        overdue.look(&agent);
        tokio::task::yield_now().await;
        let asked = std::mem::take(&mut *chain.asked.lock().unwrap());
        let [(NODE, before, vouchers)] = &asked[..] else { panic!("twice at a time: {asked:?}") };
        assert_eq!(vouchers, &HashMap::from([(LEASE, 3)]));
        seen.push(before.clone());
        chain.may.add_permits(1);
        while overdue.looking.as_ref().is_some_and(|looking| !looking.is_finished()) {
            tokio::task::yield_now().await;
        }
        assert_eq!(troubles.list().iter().map(|trouble| trouble.times).sum::<u32>(), n_troubles);
    }
    assert_eq!(seen, [vec![], vec![DUE], vec![DUE], vec![]], "an answer that did not come tells nothing");
}
