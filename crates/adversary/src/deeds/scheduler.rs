pub mod attest_node;
pub mod extend_lease;
pub mod notice_preemption;
pub mod open_lease;
