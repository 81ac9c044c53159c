use millrace::ExtendJobArgs;
use millrace::types::AllowanceTerms;

use super::{HappyCall, cost};
use crate::{Environment, builders, usdc};

/// A balance's whole course, with a delegate, and jobs that are extended.
pub(super) fn measure(chain: &mut Environment, costs: &mut Vec<HappyCall>) {
    let (owner, delegate) = (chain.wallet(usdc(1_000)), chain.wallet(usdc(0)));
    let balance = Environment::balance_of(&owner);
    let call = chain.open_buyer(&balance);
    costs.push(cost(chain, "open_buyer", &call));
    let call = chain.deposit_balance(&owner, &balance, usdc(100));
    costs.push(cost(chain, "deposit_balance", &call));
    let terms = AllowanceTerms { per_job: usdc(50).0, total: usdc(50).0, expires_at: chain.now().0 + 1_000 };
    let call = chain.open_allowance(&balance, &delegate.key, terms);
    costs.push(cost(chain, "open_allowance", &call));
    let call = chain.change_allowance(&balance, &delegate.key, terms);
    costs.push(cost(chain, "change_allowance", &call));
    let call = chain.open_job_prepaid(&balance, Some(&delegate.key), 1, builders::terms());
    costs.push(cost(chain, "open_job_prepaid (by a delegate)", &call));
    let job = Environment::job_of(&owner, &owner, 1);
    let extension = ExtendJobArgs { deposit: usdc(1).0, lease_seconds: 10, start_window: 10 };
    let call = chain.extend_job_prepaid(&balance, &job, extension.clone());
    costs.push(cost(chain, "extend_job_prepaid", &call));
    chain.do_cancel_job(&job);
    let call = chain.close_job_prepaid(&balance, &job);
    costs.push(cost(chain, "close_job_prepaid", &call));
    let call = chain.close_allowance(&balance, &delegate.key);
    costs.push(cost(chain, "close_allowance", &call));
    let call = chain.withdraw_balance(&balance, usdc(100));
    costs.push(cost(chain, "withdraw_balance", &call));
    let call = chain.close_buyer(&balance);
    costs.push(cost(chain, "close_buyer", &call));

    let paid = chain.do_open_job(&owner, 2, builders::terms());
    let call = chain.extend_job(&paid, extension);
    costs.push(cost(chain, "extend_job", &call));
}
