use super::*;

fn home(config: Option<&str>, solana: Option<&str>) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    for (path, text) in [(".config/millrace/config.toml", config), (".config/solana/cli/config.yml", solana)] {
        if let Some(text) = text {
            let path = home.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }
    home
}

fn no_env(_: Variable) -> Option<String> {
    None
}

const CONFIG: &str = "rpc_url = \"http://file:1\"\nkeypair = \"/file.json\"\n";
const SOLANA: &str = "---\njson_rpc_url: \"http://solana:2\"\nwebsocket_url: \"\"\nkeypair_path: /solana.json\n";

#[test]
fn each_place_yields_to_the_one_before() {
    let env = |variable: Variable| (variable.name == "MILLRACE_RPC_URL").then(|| "http://env:3".to_owned());
    let flags = Flags { rpc_url: Some("http://flag:4".to_owned()), ..Flags::default() };
    let everywhere = home(Some(CONFIG), Some(SOLANA));
    let rpc = |flags: &Flags, env: &dyn Fn(Variable) -> Option<String>, home: &tempfile::TempDir| {
        let found = Settings::resolve(flags, env, home.path()).unwrap().rpc_url;
        (found.value, found.source)
    };
    let none = Flags::default();
    assert_eq!(rpc(&flags, &env, &everywhere), ("http://flag:4".to_owned(), Source::Flag));
    assert_eq!(rpc(&none, &env, &everywhere), ("http://env:3".to_owned(), Source::Environment));
    assert_eq!(rpc(&none, &no_env, &everywhere), ("http://file:1".to_owned(), Source::ConfigFile));
    assert_eq!(rpc(&none, &no_env, &home(None, Some(SOLANA))), ("http://solana:2".to_owned(), Source::SolanaConfig));
    assert_eq!(rpc(&none, &no_env, &home(None, None)), (DEFAULT_RPC_URL.to_owned(), Source::Default));
}

#[test]
fn key_of_solana_is_used_where_it_exists() {
    let settings = Settings::resolve(&Flags::default(), &no_env, home(None, Some(SOLANA)).path()).unwrap();
    assert_eq!(settings.keypair, Found { value: PathBuf::from("/solana.json"), source: Source::SolanaConfig });
}

#[test]
fn websocket_follows_the_rpc_endpoint() {
    for (rpc, ws) in [
        ("http://127.0.0.1:8899", "ws://127.0.0.1:8900"),
        ("https://api.devnet.solana.com", "wss://api.devnet.solana.com"),
        ("https://host/key", "wss://host/key"),
    ] {
        assert_eq!(ws_beside(rpc), ws);
    }
}

#[test]
fn endpoints_are_told_that_another_command_may_have_otherwise() {
    let env = |variable: Variable| (variable.name == "MILLRACE_RPC_URL").then(|| "http://env:3".to_owned());
    let told = |flags: &Flags, env: &dyn Fn(Variable) -> Option<String>| {
        let found = Settings::resolve(flags, env, home(Some(CONFIG), Some(SOLANA)).path()).unwrap();
        let (rpc_url, ws_url) = found.told_endpoints();
        (rpc_url.map(|found| found.value), ws_url.map(|found| found.value))
    };
    let flags = Flags { rpc_url: Some("http://flag:4".to_owned()), ..Flags::default() };
    assert_eq!(told(&Flags::default(), &no_env), (None, None));
    assert_eq!(told(&Flags::default(), &env), (Some("http://env:3".to_owned()), None));
    assert_eq!(told(&flags, &env), (Some("http://flag:4".to_owned()), None), "the WebSocket follows by itself");
    let flags = Flags { ws_url: Some("ws://flag:9".to_owned()), ..flags };
    assert_eq!(told(&flags, &no_env), (Some("http://flag:4".to_owned()), Some("ws://flag:9".to_owned())));
    let solanas = Settings::resolve(&Flags::default(), &no_env, home(None, Some(SOLANA)).path()).unwrap();
    let found = Found { value: "http://solana:2".to_owned(), source: Source::SolanaConfig };
    assert_eq!(solanas.told_endpoints(), (Some(found), None), "the service's user has another one");
}

#[test]
fn a_typo_in_the_config_file_is_named() {
    let home = home(Some("rpc_ulr = \"http://file:1\"\n"), None);
    let error = Settings::resolve(&Flags::default(), &no_env, home.path()).unwrap_err();
    assert_eq!(error.code(), "config-malformed");
    let cause = std::error::Error::source(&error).unwrap().to_string();
    assert!(cause.contains("rpc_ulr"), "{cause}");
}

#[test]
fn a_config_file_asked_for_must_exist() {
    let flags = Flags { config: Some(PathBuf::from("/nowhere/config.toml")), ..Flags::default() };
    let error = Settings::resolve(&flags, &no_env, Path::new("/nowhere")).unwrap_err();
    assert_eq!(error.code(), "config-unreadable");
}

#[test]
fn a_config_file_that_is_to_be_made_may_be_missing() {
    let home = home(None, None);
    let path = home.path().join("new.toml");
    let flags = Flags { config: Some(path.clone()), makes_config: true, ..Flags::default() };
    let settings = Settings::resolve(&flags, &no_env, home.path()).unwrap();
    assert_eq!(settings.config, Found { value: path, source: Source::Flag });
    assert_eq!(settings.worker, RigOptions::default());
    let usual = Settings::resolve(&Flags::default(), &no_env, home.path()).unwrap().config;
    assert_eq!(usual, Found { value: home.path().join(".config/millrace/config.toml"), source: Source::Default });
}

#[test]
fn what_is_no_url_is_refused() {
    for value in ["", "localhost:8899", "http://", "http://a b"] {
        let flags = Flags { rpc_url: Some(value.to_owned()), ..Flags::default() };
        let error = Settings::resolve(&flags, &no_env, Path::new("/nowhere")).unwrap_err();
        assert_eq!(error.code(), "url-malformed", "{value}");
    }
}
