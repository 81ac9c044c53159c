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
        "provider register",
        "provider stake",
        "provider show",
        "node add",
        "worker run",
        "orchestrator run",
        "key",
        "key new",
        "key show",
        "network init",
        "localnet up",
    ] {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let name = format!("help {command}").trim().replace(' ', "-");
        insta::assert_snapshot!(name, millrace(folder.path(), &arguments));
    }
}

#[test]
fn every_command_has_an_example_or_commands_below_it() {
    let folder = tempfile::tempdir().unwrap();
    for command in
        ["demo", "job submit", "provider register", "provider stake", "node add", "worker run", "key new", "key show"]
    {
        let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
        let text = millrace(folder.path(), &arguments);
        assert!(text.contains("Example"), "{command}: {text}");
    }
}
