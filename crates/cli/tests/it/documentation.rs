//! docs/errors.md is complete: each code in the sources has its line.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every source file below a folder.
pub fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Whether a file is compiled into what people run.
fn is_shipped(file: &Path) -> bool {
    let beside = ["tests", "benches", "tests.rs", "vectors.rs"];
    !file.components().any(|part| beside.iter().any(|name| part.as_os_str() == *name))
}

/// The first string among the arguments of each call of one of these functions, where it comes before any other call
/// or statement ends.
fn first_strings<'a>(text: &'a str, functions: &[&str]) -> impl Iterator<Item = &'a str> {
    let calls: Vec<&str> = functions.iter().flat_map(|function| text.split(*function).skip(1)).collect();
    calls.into_iter().filter_map(|call| {
        let (before, rest) = call.split_once('"')?;
        (!before.contains([';', '(', ')'])).then(|| rest.split('"').next().unwrap_or_default())
    })
}

/// Every string in the bodies of `fn code(&self) -> &'static str`, and each code that is written where it is told:
/// the refusals of the HTTP interface, and the causes for which tasks and jobs fail.
fn codes() -> BTreeSet<String> {
    let mut files = Vec::new();
    for folder in ["crates", "orchestrator", "worker", "programs"] {
        sources(&root().join(folder), &mut files);
    }
    let mut codes = BTreeSet::new();
    let kebab = |code: &&str| code.contains(|c: char| c.is_ascii_lowercase()) && !code.contains(['_', ' ']);
    for file in files.iter().filter(|file| is_shipped(file)) {
        let text = std::fs::read_to_string(file).unwrap();
        // Tests stand at the end of their file.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let own = if file.ends_with("rest/problem.rs") { "Self::new(" } else { "Refusal::new(" };
        codes.extend(first_strings(text, &["Refusal::new(", own, "code: "]).filter(kebab).map(str::to_owned));
        for body in text.split("fn code(&self) -> &'static str {").skip(1) {
            // A trait method's body ends where the next function begins.
            let body = body.split("\n    fn ").next().unwrap_or(body);
            let body = body.split("\n}").next().unwrap_or(body);
            let strings = body.split('"').skip(1).step_by(2);
            codes.extend(strings.filter(kebab).map(str::to_owned));
        }
    }
    codes
}

#[test]
fn every_error_code_is_documented() {
    let page = std::fs::read_to_string(root().join("docs/errors.md")).unwrap();
    for told in ["orchestrator-stopping", "route-unknown", "evidence-missing", "no-quorum", "interrupted"] {
        assert!(codes().contains(told), "`{told}` is not found in the sources any more");
    }
    let missing: Vec<_> = codes().into_iter().filter(|code| !page.contains(&format!("`{code}`"))).collect();
    assert!(missing.is_empty(), "docs/errors.md lacks {missing:?}");
}

#[test]
fn the_example_of_the_documentation_is_a_job() {
    let job = std::fs::read_to_string(root().join("examples/render/job.toml")).unwrap();
    millrace_spec::JobFile::parse(&job).unwrap();
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    millrace_spec::JobFile::parse(block).unwrap();
}
