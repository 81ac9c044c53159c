//! Commands as a shell reads them.

/// One word, whatever it holds.
pub fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "/-_.:=,@+%".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::quoted;

    #[test]
    fn a_shell_reads_each_word_as_it_was() {
        assert_eq!(quoted("http://a:1/b"), "http://a:1/b");
        for word in ["", "a b", "https://rpc.example/?key=1&other=2", "it's", "$HOME", "~", "a\nb", "`ls`", "é"] {
            let said = Command::new("sh").arg("-c").arg(format!("printf %s {}", quoted(word))).output().unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
