//! docs/commands.md lists every command as it is now, and no page and no hint names one that does not
//! exist. The page is written anew where `MILLRACE_WRITE_DOCS` is set.

use std::fmt::Write;

use clap::{Command, CommandFactory};
use millrace_cli::args::Cli;

use crate::documentation::{root, sources};

/// What stands around the tables.
const HEAD: &str = "# Commands

<!-- Written by `MILLRACE_WRITE_DOCS=1 cargo test -p millrace-cli --test it`; do not edit. -->

`millrace <COMMAND> --help` lists a command's flags, with an example. Amounts are in USDC with up to six
decimals, durations are like `30s`, `15m`, `2h` or `1d`, rigs and jobs are named by their addresses. Every
command takes `--json`. What changes something on chain tells what came of it and the transaction's signature;
setting what is set already sends nothing. What breaks a rule of the market is refused before a transaction is
paid for, with a code, a cause and a hint ([errors.md](errors.md)). [walkthrough.md](walkthrough.md) uses most of
them once.
";
const TAIL: &str = "
## Without a command

These have builders in both SDKs and no command yet: awarding a lease directly, delisting
and relisting by reputation. Hardware is attested and deadlines are pushed on by the orchestrator.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let top = Cli::command();
    for group in top.get_subcommands().filter(|group| group.get_name() != "help") {
        let name = format!("millrace {}", group.get_name());
        write!(page, "\n## `{name}`\n\n{}\n", about(group)).unwrap();
        if group.has_subcommands() {
            page.push_str("\n| command | what it does |\n|---|---|\n");
        }
        let shown = |command: &&Command| command.get_name() != "help" && !command.is_hide_set();
        for command in group.get_subcommands().filter(shown) {
            let words: Vec<_> =
                [name.clone(), command.get_name().to_owned()].into_iter().chain(taken(command)).collect();
            writeln!(page, "| `{}` | {} |", words.join(" "), about(command)).unwrap();
        }
    }
    page + TAIL
}

fn about(command: &Command) -> String {
    command.get_about().map(ToString::to_string).unwrap_or_default()
}

/// The arguments without a flag in front of them.
fn taken(command: &Command) -> Vec<String> {
    let names = command.get_positionals().map(|argument| {
        let name = argument.get_value_names().map(|names| names.join(" ")).unwrap_or_default();
        if argument.is_required_set() { format!("<{name}>") } else { format!("[{name}]") }
    });
    names.collect()
}

#[test]
fn the_page_of_commands_is_as_the_commands_are() {
    let path = root().join("docs/commands.md");
    if std::env::var_os("MILLRACE_WRITE_DOCS").is_some() {
        std::fs::write(&path, page()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page(), "docs/commands.md is out of date; its first lines say how to write it");
}

/// The words of a command that a text names, up to what cannot belong to its name.
fn words(text: &str) -> Vec<&str> {
    let mut rest = text.split_whitespace().peekable();
    let mut words = Vec::new();
    while let Some(word) = rest.next() {
        // Flags of every command may stand in front, each with a value but this one.
        if word.starts_with('-') && words.is_empty() {
            if word != "--json" {
                rest.next();
            }
            continue;
        }
        let name = word.trim_end_matches(|c: char| !c.is_ascii_lowercase());
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            break;
        }
        words.push(name);
        if name.len() < word.len() {
            break;
        }
    }
    words
}

/// Whether the words begin with a command's name, or with that of a group alone.
fn exists(top: &Command, words: &[&str]) -> bool {
    let mut command = top;
    for word in words {
        match command.find_subcommand(word) {
            Some(found) => command = found,
            None => return !command.has_subcommands(),
        }
    }
    true
}

#[test]
fn no_page_and_no_hint_names_a_command_that_does_not_exist() {
    let mut files: Vec<_> = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SECURITY.md", "app/client/README.md"]
        .map(|page| root().join(page))
        .to_vec();
    for entry in std::fs::read_dir(root().join("docs")).unwrap().flatten() {
        files.extend(Some(entry.path()).filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    for folder in ["crates", "orchestrator", "worker", "programs", "examples"] {
        sources(&root().join(folder), &mut files);
    }
    let top = Cli::command();
    let (mut named, mut unknown) = (0, Vec::new());
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        // Proposals are strings of their own in the command line only.
        let is_of_cli = file.starts_with(root().join("crates/cli"));
        let proposals = if is_of_cli { "\"millrace " } else { "`millrace " };
        for mark in ["`millrace ", "$ millrace ", "  millrace ", "$(millrace ", proposals] {
            for rest in text.split(mark).skip(1) {
                let command = rest.split(['`', '\n', '"', ')']).next().unwrap();
                // What a signature is over begins with its purpose and version.
                let is_signed_text = command.contains(" v1");
                named += 1;
                if !is_signed_text && !exists(&top, &words(command)) {
                    unknown.push(format!("{}: millrace {command}", file.display()));
                }
            }
        }
    }
    assert!(unknown.is_empty(), "there is no such command:\n{}", unknown.join("\n"));
    assert!(named > 100, "{named}");
}

#[test]
fn a_command_is_told_from_what_follows_its_name() {
    let top = Cli::command();
    for name in ["job show", "job extend <JOB>", "-k a.json job list", "--json job list", "key", "node add --help"] {
        assert!(exists(&top, &words(name)), "{name}");
    }
    for name in ["jobs", "job lst", "provider payouts", "-k a.json node shrink", "balance transfer 5"] {
        assert!(!exists(&top, &words(name)), "{name}");
    }
}
