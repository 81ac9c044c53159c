/// Names and their values below each other, without a final line break.
pub fn rows(rows: impl IntoIterator<Item = (&'static str, String)>) -> String {
    let rows: Vec<_> = rows.into_iter().collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let lines = rows.iter().map(|(name, value)| format!("{name:<width$}  {value}"));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_below_each_other() {
        let text = rows([("free", "1.000000 USDC".to_owned()), ("transaction", "4xY".to_owned())]);
        assert_eq!(text, "free         1.000000 USDC\ntransaction  4xY");
    }
}
