//! The built program in LiteSVM: for each instruction one happy path, and every refusal there is.

mod initialize;
