//! Prints what each instruction of the program costs, as a Markdown table.

use millrace_testkit::costs;

fn main() {
    print!("{}", costs::markdown(&costs::measure()));
}
