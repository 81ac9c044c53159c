//! Prints what each instruction of the program costs, as a section of `docs/benchmarks.md`.

use millrace_testkit::costs;

fn main() {
    println!("## What an instruction costs\n");
    println!(
        "One transaction each on the built program in LiteSVM; `settle` includes its signature check. Lamports \
         locked are rent and come back (negative) when the account is closed; lamports burned are 5000 for each \
         signature, one of them always the fee payer's. Baseline: a transfer of tokens between two wallets.\n"
    );
    print!("{}", costs::markdown(&costs::measure()));
}
