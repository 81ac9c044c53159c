use std::collections::BTreeSet;

use millrace_worker::status::{GpuLink, GpuPath};

use crate::output::table::{Column, render};
use crate::views::counted;

/// How each two GPUs are connected, in the terms of `nvidia-smi topo -m`, and what those that occur mean; none where
/// nothing is known.
pub fn links(links: &[GpuLink]) -> Option<String> {
    let gpus: BTreeSet<u16> = links.iter().flat_map(|link| link.between).collect();
    let names: Vec<String> = gpus.iter().map(u16::to_string).collect();
    let columns: Vec<Column<'_>> =
        [Column::Number("links")].into_iter().chain(names.iter().map(|name| Column::Text(name))).collect();
    let cell =
        |left: u16, right: u16| match links.iter().find(|link| link.between == [left.min(right), left.max(right)]) {
            _ if left == right => "-".to_owned(),
            Some(GpuLink { nvlinks: 0, path, .. }) => path.map_or("?", |path| term(path).0).to_owned(),
            Some(GpuLink { nvlinks, .. }) => format!("NV{nvlinks}"),
            None => "?".to_owned(),
        };
    let row =
        |left: &u16| std::iter::once(left.to_string()).chain(gpus.iter().map(|right| cell(*left, *right))).collect();
    let rows: Vec<Vec<String>> = gpus.iter().map(row).collect();
    let nvlinks: BTreeSet<u8> = links.iter().map(|link| link.nvlinks).filter(|nvlinks| *nvlinks > 0).collect();
    let nvlinks = nvlinks.into_iter().map(|nvlinks| format!("NV{nvlinks}: over {}", counted(nvlinks.into(), "NVLink")));
    let paths: BTreeSet<GpuPath> = links.iter().filter(|link| link.nvlinks == 0).filter_map(|link| link.path).collect();
    let paths = paths.into_iter().map(term).map(|(term, meaning)| format!("{term}: over {meaning}"));
    let meanings: Vec<String> = nvlinks.chain(paths).collect();
    (!links.is_empty()).then(|| format!("{}\n{}", render(&columns, &rows), meanings.join(", ")))
}

/// NVIDIA's word for a way over PCIe, and what data passes on it.
fn term(path: GpuPath) -> (&'static str, &'static str) {
    match path {
        GpuPath::Board => ("PSB", "the board that both are on"),
        GpuPath::Switch => ("PIX", "one PCIe switch"),
        GpuPath::Switches => ("PXB", "several PCIe switches"),
        GpuPath::HostBridge => ("PHB", "a processor's host bridge"),
        GpuPath::Numa => ("NODE", "several host bridges of one NUMA node"),
        GpuPath::System => ("SYS", "the connection between processors"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_is_told_twice_and_each_term_once() {
        let link = |left, right, nvlinks, path| GpuLink { between: [left, right], nvlinks, path };
        let pairs = [
            link(0, 1, 12, Some(GpuPath::Switch)),
            link(0, 2, 0, Some(GpuPath::System)),
            link(1, 2, 0, Some(GpuPath::Numa)),
            link(2, 10, 0, Some(GpuPath::System)),
            link(1, 10, 0, None),
        ];
        insta::assert_snapshot!(links(&pairs).unwrap());
        assert_eq!(links(&[]), None);
    }
}
