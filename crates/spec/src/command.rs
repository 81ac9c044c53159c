/// The command words of one task: `{task}` is its index from 0, `{task1}` from 1.
pub fn words_for_task(command: &[String], index: u32) -> Vec<String> {
    let (zero_based, one_based) = (index.to_string(), (u64::from(index) + 1).to_string());
    command.iter().map(|word| word.replace("{task}", &zero_based).replace("{task1}", &one_based)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_numbers_are_filled_in_and_nothing_else() {
        let command = ["a", "+SF{task1}", "{task}-{task1}", "{other}"].map(String::from);
        assert_eq!(words_for_task(&command, 4), ["a", "+SF5", "4-5", "{other}"]);
    }
}
