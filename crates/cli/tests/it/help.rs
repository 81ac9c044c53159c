use clap::CommandFactory;
use millrace_cli::args::Cli;

use crate::run::millrace;

#[test]
fn each_help_text_is_as_reviewed() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        "",
        "demo",
        "job",
        "job submit",
        "job list",
        "job show",
        "job logs",
        "job outputs",
        "job cancel",
        "job extend",
        "job accept",
        "job dispute",
        "balance",
        "balance deposit",
        "balance withdraw",
        "balance show",
        "balance close",
        "delegate",
        "delegate allow",
        "delegate revoke",
        "delegate show",
        "provider",
        "provider register",
        "provider stake",
        "provider show",
        "provider unstake",
        "provider withdraw",
        "provider payout",
        "provider sweep",
        "provider status",
        "provider close",
        "node",
        "node add",
        "node list",
        "node update",
        "node drain",
        "node resume",
        "node rotate-key",
        "node remove",
        "worker run",
        "worker doctor",
        "worker init",
        "worker status",
        "worker top",
        "worker drain",
        "worker earnings",
        "worker install",
        "worker uninstall",
        "orchestrator run",
        "key",
        "key new",
        "key show",
        "network init",
        "localnet up",
        "sim replay",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let name = format!("help {command}").trim().replace(' ', "-");
        insta::assert_snapshot!(name, millrace(folder.path(), &arguments));
    }
}

/// Every command that does something, by its words.
fn leaves(command: &clap::Command, words: &[&str]) -> Vec<String> {
    if !command.has_subcommands() {
        return vec![words.join(" ")];
    }
    // What is hidden is for other commands, not for people.
    let below = command.get_subcommands().filter(|below| below.get_name() != "help" && !below.is_hide_set());
    below.flat_map(|below| leaves(below, &[words, &[below.get_name()]].concat())).collect()
}

#[test]
fn every_command_has_an_example_of_itself() {
    let folder = tempfile::tempdir().unwrap();
    let commands = leaves(&Cli::command(), &[]);
    assert!(commands.len() > 30, "{commands:?}");
    for command in commands {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let text = millrace(folder.path(), &arguments);
        let examples = text.split("Example").nth(1).unwrap_or_else(|| panic!("{command} has no example:\n{text}"));
        let last = command.split_whitespace().last().unwrap();
        assert!(examples.contains(last) && examples.contains("millrace"), "{command}: {examples}");
    }
}
