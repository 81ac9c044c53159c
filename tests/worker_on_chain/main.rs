//! What a node does on chain with its own key, on the real program behind ordinary RPC. Once its leases are open nobody
//! else of the market acts, as where the orchestrator is gone for good.

mod deadlines;
mod endpoint;
mod fees;
mod market;
mod overdue;
mod rounds;
mod vouchers;
