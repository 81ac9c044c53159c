//! Prints what each instruction of the program costs, as a section of `docs/benchmarks.md`.

use millrace_testkit::costs;

/// What a plain job takes from its opening to its end.
const LIFE: [&str; 4] = ["open_job", "open_lease", "settle (final)", "close_job"];
const PROGRAM: &[u8] = include_bytes!("../../programs/millrace/deploy/millrace.so");

fn main() {
    println!("## What an instruction costs\n");
    println!(
        "One transaction each on the built program in LiteSVM; `settle` includes its signature check. Lamports \
         locked are rent and come back (negative) when the account is closed; lamports burned are 5000 for each \
         signature, one of them always the fee payer's. Worst bumps are those of the unluckiest of 300 addresses. \
         A test fails where compute units grow by more than 5 % over `tests/program/costs.tsv`. Baseline: a \
         transfer of tokens between two wallets.\n"
    );
    let measured = costs::measure();
    print!("{}", costs::markdown(&measured));
    let life = measured.iter().filter(|cost| LIFE.contains(&cost.instruction)).map(|cost| cost.compute_units);
    println!(
        "\nA plain job (`open_job`, `open_lease`, final `settle`, `close_job`) takes {} compute units together. The \
         program has {} bytes.",
        life.sum::<u64>(),
        PROGRAM.len()
    );
}
