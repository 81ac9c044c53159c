//! Why a job waits, as a table of counts.

use millrace_link::rest::Explanation;

use super::counted;
use crate::output::Style;
use crate::output::table::{Column, render};

/// A sentence, the requirements that exclude nodes, and the cheapest change.
pub fn text(explanation: &Explanation, style: Style) -> String {
    let n_nodes = explanation.nodes_total as usize;
    let mut lines = Vec::new();
    lines.push(if n_nodes == 0 {
        style.warn("waits: no node is on the market")
    } else if explanation.nodes_fitting == 0 {
        style.warn(&format!("waits: none of {} fits", counted(n_nodes, "node")))
    } else {
        format!("{} of {} fit", explanation.nodes_fitting, counted(n_nodes, "node"))
    });
    if !explanation.exclusions.is_empty() {
        let rows: Vec<_> = explanation
            .exclusions
            .iter()
            .map(|exclusion| {
                vec![
                    exclusion.requirement.clone(),
                    exclusion.asked.clone(),
                    format!("{} of {n_nodes}", exclusion.nodes),
                    exclusion.nodes_excluded_by_this_alone.to_string(),
                ]
            })
            .collect();
        let columns =
            [Column::Text("requirement"), Column::Text("asked"), Column::Number("excludes"), Column::Number("alone")];
        lines.push(render(&columns, &rows));
    }
    if let Some(suggestion) = &explanation.suggestion {
        lines.push(format!("what would help: {suggestion}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use millrace_link::rest::Exclusion;

    #[test]
    fn counts_stand_beside_what_was_asked() {
        let explanation = Explanation {
            nodes_total: 3,
            nodes_fitting: 0,
            exclusions: vec![
                Exclusion {
                    requirement: "gpu-model".to_owned(),
                    asked: "h100-sxm".to_owned(),
                    nodes: 3,
                    nodes_excluded_by_this_alone: 1,
                },
                Exclusion {
                    requirement: "price".to_owned(),
                    asked: "at most 0.100000 USDC/GPU-hour".to_owned(),
                    nodes: 2,
                    nodes_excluded_by_this_alone: 0,
                },
            ],
            suggestion: Some("accept rtx-3090: 1 node would fit".to_owned()),
        };
        insta::assert_snapshot!(text(&explanation, Style::plain()));
    }

    #[test]
    fn an_empty_market_is_named() {
        let explanation = Explanation { nodes_total: 0, nodes_fitting: 0, exclusions: Vec::new(), suggestion: None };
        assert_eq!(text(&explanation, Style::plain()), "waits: no node is on the market");
    }
}
