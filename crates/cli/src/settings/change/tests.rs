use std::os::unix::fs::symlink;

use millrace_protocol::Diagnostic;

use super::*;

fn told() -> Told {
    of(RigOptions {
        node_key: Some("/keys/rig.json".into()),
        orchestrator: Some("http://market.example:7071".to_owned()),
        disk_reserve: Some(3_072),
        ..RigOptions::default()
    })
}

fn of(rig: RigOptions) -> Told {
    Told { rig, run_dir: Some("/home/a/.worker".into()), ..Told::default() }
}

const TABLE: &str = "[worker]
node_key = \"/keys/rig.json\"
run_dir = \"/home/a/.worker\"
orchestrator = \"http://market.example:7071\"
disk_reserve = \"3072MiB\"
";

fn change(path: &Path, told: &Told) -> Result<bool, Error> {
    Change::prepare(path, told)?.make()
}

/// A file of an owner's in a folder of its own.
fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    fs::write(&path, text).unwrap();
    (folder, path)
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_file_that_is_not_there_is_made_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".config/millrace/config.toml");
    assert!(change(&path, &told()).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), TABLE);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    assert_eq!(names(path.parent().unwrap()), ["config.toml"]);
    let rig = RigOptions { run_dir: told().run_dir, ..told().rig };
    assert_eq!(parse_config(&path, TABLE).unwrap().worker.unwrap(), rig);
}

#[test]
fn whatever_is_in_a_file_stays_and_the_table_comes_after_it() {
    for (before, between) in [
        ("# mine\r\nrpc_url   = 'http://a:1' # why\n", "\n"),
        ("rpc_url = \"http://a:1\"", "\n\n"),
        ("# only a comment\n\n", "\n"),
        ("", ""),
    ] {
        let (folder, path) = file(before);
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(change(&path, &told()).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{before}{between}{TABLE}"));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(names(folder.path()), ["config.toml"]);
        assert!(!change(&path, &told()).unwrap(), "once is enough");
    }
}

#[test]
fn a_link_to_a_file_stays_a_link() {
    let (folder, path) = file("rpc_url = \"http://a:1\"\n");
    let link = folder.path().join("link.toml");
    symlink(&path, &link).unwrap();
    assert!(change(&link, &told()).unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().ends_with(TABLE));
}

#[test]
fn a_table_that_says_the_same_and_more_is_left_alone() {
    for text in [
        TABLE.replace("3072MiB", "3GiB") + "never_pull = true\n# mine\n",
        "worker.orchestrator = \"http://market.example:7071\"\nworker.disk_reserve = \"3072\"\n\
         worker.node_key = '/keys/rig.json'\nrpc_url = \"http://a:1\"\n"
            .to_owned(),
    ] {
        let (_folder, path) = file(&text);
        assert!(!change(&path, &told()).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_table_that_says_something_else_is_refused_with_both_values() {
    for (text, both) in [
        (TABLE.replace("rig.json", "other.json"), ["\"/keys/other.json\"", "\"/keys/rig.json\""]),
        (TABLE.replace("market", "bazaar"), ["\"http://bazaar.example:7071\"", "\"http://market.example:7071\""]),
        (TABLE.replace("3072MiB", "1GiB"), ["\"1024MiB\"", "\"3072MiB\""]),
        ("[worker]\nnode_key = \"/keys/rig.json\"\n".to_owned(), ["orchestrator", "\"http://market.example:7071\""]),
    ] {
        let (folder, path) = file(&text);
        let error = Change::prepare(&path, &told()).unwrap_err();
        assert_eq!(error.code(), "config-differs");
        for value in both {
            assert!(error.to_string().contains(value) && error.hint().contains(value), "{error}: {}", error.hint());
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        assert_eq!(names(folder.path()), ["config.toml"]);
    }
}

#[test]
fn a_file_that_is_no_config_file_is_not_touched() {
    for text in ["rpc_url = ", "rpc_ulr = \"http://a:1\"\n", "[worker]\nnode_kye = \"a\"\n", "worker = 1\n"] {
        let (_folder, path) = file(text);
        assert_eq!(change(&path, &told()).unwrap_err().code(), "config-malformed", "{text}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn paths_in_the_file_do_not_depend_on_where_one_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let relative =
        of(RigOptions { node_key: Some("rig.json".into()), data_dir: Some("data".into()), ..RigOptions::default() });
    assert!(change(&path, &relative).unwrap());
    let table = parse_config(&path, &fs::read_to_string(&path).unwrap()).unwrap().worker.unwrap();
    let here = std::env::current_dir().unwrap();
    assert_eq!((table.node_key, table.data_dir), (Some(here.join("rig.json")), Some(here.join("data"))));
    assert!(!change(&path, &relative).unwrap(), "the same path, written otherwise");

    let path = folder.path().join("another.toml");
    let unnamed = Told { run_dir: Some(".worker".into()), ..told() };
    assert!(change(&path, &unnamed).unwrap());
    let table = parse_config(&path, &fs::read_to_string(&path).unwrap()).unwrap().worker.unwrap();
    assert_eq!((table.data_dir, table.run_dir), (None, Some(here.join(".worker"))), "also of one that nobody named");
}

#[test]
fn a_folder_that_nobody_named_is_no_reason_to_refuse_a_table() {
    let text = TABLE.replace("run_dir = \"/home/a/.worker\"\n", "");
    let (_folder, path) = file(&text);
    assert!(!change(&path, &told()).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "its worker works where it always did");
}

fn told_endpoint(value: &str, source: Source) -> Option<Found<String>> {
    Some(Found { value: value.to_owned(), source })
}

#[test]
fn what_the_environment_says_is_no_reason_to_refuse_a_file() {
    let environment = |url| told_endpoint(url, Source::Environment);
    let other = Told {
        docker_host: Some("unix:///env.sock".to_owned()),
        rpc_url: environment("http://r:1"),
        ws_url: environment("ws://r:9"),
        ..told()
    };
    let (_folder, path) = file("");
    assert!(change(&path, &other).unwrap());
    let text = fs::read_to_string(&path).unwrap();
    let socket = "docker_host = \"unix:///env.sock\"\n";
    assert!(text.starts_with("rpc_url = \"http://r:1\"\nws_url = \"ws://r:9\"\n") && text.contains(socket), "{text}");

    for text in [TABLE.to_owned(), format!("{TABLE}docker_host = \"unix:///file.sock\"\n")] {
        let text = format!("rpc_url = \"http://file:1\"\n{text}");
        fs::write(&path, &text).unwrap();
        assert!(!change(&path, &other).unwrap(), "and its WebSocket endpoint may be another chain's");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }

    let flag = RigOptions { docker_host: Some("unix:///flag.sock".to_owned()), ..told().rig };
    let (_folder, path) = file("");
    assert!(change(&path, &Told { rig: flag.clone(), ..other.clone() }).unwrap());
    assert!(fs::read_to_string(&path).unwrap().contains("unix:///flag.sock"));
    fs::write(&path, TABLE).unwrap();
    assert_eq!(change(&path, &Told { rig: flag, ..other }).unwrap_err().code(), "config-differs");
}

#[test]
fn endpoints_stand_above_all_that_is_there_and_once() {
    let flag = |url| told_endpoint(url, Source::Flag);
    let endpoints = Told { rpc_url: flag("http://r:1/?key=a"), ws_url: flag("ws://r:9"), ..told() };
    let lines = "rpc_url = \"http://r:1/?key=a\"\nws_url = \"ws://r:9\"\n";
    for (before, after) in [
        (String::new(), format!("{lines}\n{TABLE}")),
        ("# mine\n".to_owned(), format!("{lines}# mine\n\n{TABLE}")),
        (TABLE.to_owned(), format!("{lines}{TABLE}")),
        (format!("ws_url = 'ws://r:9'\n{TABLE}"), format!("{}ws_url = 'ws://r:9'\n{TABLE}", &lines[..30])),
    ] {
        let (_folder, path) = file(&before);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(change(&path, &endpoints).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), after);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "an endpoint's key is its owner's");
        assert!(!change(&path, &endpoints).unwrap(), "once is enough");
        assert!(!change(&path, &told()).unwrap(), "who is told none leaves them");
    }
}

#[test]
fn another_endpoint_is_refused_and_neither_is_shown() {
    let text = format!("rpc_url = \"http://r:1/?key=secret\"\n{TABLE}");
    let (folder, path) = file(&text);
    let another = Told { rpc_url: told_endpoint("http://r:1/?key=another", Source::Flag), ..told() };
    let error = Change::prepare(&path, &another).unwrap_err();
    assert_eq!(error.code(), "config-differs");
    let said = format!("{error}: {}", error.hint());
    assert!(said.contains("`rpc_url`") && !said.contains("key="), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
    assert_eq!(names(folder.path()), ["config.toml"]);
}

#[test]
fn whatever_a_value_holds_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    let odd = RigOptions { node_key: Some("/a \"b\"\\c\n[worker]\n'é".into()), ..RigOptions::default() };
    assert!(change(&path, &of(odd.clone())).unwrap());
    let table = parse_config(&path, &fs::read_to_string(&path).unwrap()).unwrap().worker.unwrap();
    assert_eq!(table.node_key, odd.node_key);
}

#[test]
fn what_somebody_writes_meanwhile_is_not_lost() {
    let (_folder, path) = file("rpc_url = \"http://a:1\"\n");
    let prepared = Change::prepare(&path, &told()).unwrap();
    fs::write(&path, "rpc_url = \"http://b:1\"\n").unwrap();
    assert_eq!(prepared.make().unwrap_err().code(), "config-unwritable");
    assert_eq!(fs::read_to_string(&path).unwrap(), "rpc_url = \"http://b:1\"\n");

    fs::remove_file(&path).unwrap();
    let prepared = Change::prepare(&path, &told()).unwrap();
    fs::write(&path, "# new\n").unwrap();
    assert_eq!(prepared.make().unwrap_err().code(), "config-unwritable");
    assert_eq!(fs::read_to_string(&path).unwrap(), "# new\n");
}

#[test]
fn a_folder_that_cannot_be_made_is_told() {
    let (folder, path) = file("");
    let error = Change::prepare(&path.join("below/config.toml"), &told()).unwrap_err();
    assert!(["config-unreadable", "config-unwritable"].contains(&error.code()), "{error}");
    assert_eq!(names(folder.path()), ["config.toml"]);
}
