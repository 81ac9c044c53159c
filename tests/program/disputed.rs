//! A lease that has reported, and a dispute about it.

use millrace_testkit::protocol::voucher::ExitClass;
use millrace_testkit::protocol::{JobTerms, Payment, Seconds};
use millrace_testkit::{terms, usdc};

use crate::scene::Scene;

/// An hour to dispute results, which are paid for when it is over.
pub fn disputable() -> JobTerms {
    JobTerms { payment: Payment::OnResult, dispute_window: Seconds(3_600), ..terms() }
}

/// The lease has run 200 seconds for 0.20 USDC, and reported.
pub fn reported(terms: JobTerms) -> Scene {
    let mut scene = Scene::with(terms);
    scene.chain.advance(Seconds(200));
    scene.chain.do_settle_final(&scene.lease, Seconds(200), ExitClass::Completed);
    scene
}

/// The buyer has disputed the report at once, for a bond of 1 USDC: of its 100 USDC it has 89 left.
pub fn disputed(terms: JobTerms) -> Scene {
    let mut scene = reported(terms);
    scene.chain.do_open_dispute(&scene.lease, &scene.job.buyer);
    assert_eq!(scene.chain.tokens(&scene.job.buyer.tokens), usdc(89));
    scene
}
