//! What the guide shows is what the examples do.

use std::path::Path;

/// The lines of a text without their indentation.
fn lines(text: &str) -> Vec<&str> {
    text.lines().map(str::trim).collect()
}

#[test]
fn every_piece_of_code_in_the_guide_stands_in_an_example() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let guide = std::fs::read_to_string(folder.join("../../docs/sdk-rust.md")).unwrap();
    let sources: Vec<String> = std::fs::read_dir(folder.join("src"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let pieces: Vec<&str> = guide.split("```rust\n").skip(1).map(|rest| rest.split("```").next().unwrap()).collect();
    assert!(pieces.len() >= 6, "{} pieces", pieces.len());
    for piece in pieces {
        let wanted = lines(piece);
        let stands = |source: &String| lines(source).windows(wanted.len()).any(|window| window == wanted);
        assert!(sources.iter().any(stands), "this stands in no example:\n{piece}");
    }
}

#[test]
fn every_task_has_its_example_and_every_example_is_listed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let list = std::fs::read_to_string(folder.join("lib.rs")).unwrap();
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let task = name.trim_end_matches(".rs");
        if !["lib", "main"].contains(&task) {
            assert!(list.contains(&format!("[`{task}`]")), "{task} is not in the list");
        }
    }
}
