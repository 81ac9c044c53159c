//! Tables, all of one look.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

/// Columns that hold numbers, or text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column<'name> {
    Text(&'name str),
    Number(&'name str),
}

/// A table of these columns and rows, without a final line break.
pub fn render(columns: &[Column<'_>], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(columns.iter().map(|column| match column {
        Column::Text(name) | Column::Number(name) => name.to_uppercase(),
    }));
    for row in rows {
        table.add_row(row);
    }
    for (index, column) in columns.iter().enumerate() {
        if let (Column::Number(_), Some(column)) = (column, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines = table.to_string();
    lines.lines().map(str::trim_end).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stand_right() {
        let rows = [vec!["rtx-4090".to_owned(), "7".to_owned()], vec!["l40s".to_owned(), "12".to_owned()]];
        insta::assert_snapshot!(render(&[Column::Text("node"), Column::Number("frames")], &rows), @r"
         NODE      FRAMES
         rtx-4090       7
         l40s          12
        ");
    }
}
