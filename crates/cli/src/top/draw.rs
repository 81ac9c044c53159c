use millrace_protocol::MicroUsdc;
use millrace_worker::status::{GpuStatus, Status};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Gauge, Paragraph, Row, Table};

use super::Screen;
use crate::views::duration::duration;
use crate::views::money::usdc;
use crate::views::short;
use crate::views::worker::{bytes, has_ended, positions, since};

const GOOD: Style = Style::new().fg(Color::Green);
const BAD: Style = Style::new().fg(Color::Red).add_modifier(Modifier::BOLD);
const HEAD: Style = Style::new().add_modifier(Modifier::BOLD);
/// Lines of the troubles' box, its border included.
const TROUBLES: u16 = 5;

/// Draws everything there is room for; nothing is told by color alone.
pub fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let Some(status) = &screen.status else { return };
    let n_gpus = u16::try_from(status.gpus.len()).unwrap_or(u16::MAX);
    let [head, gpus, work, troubles, foot] = Layout::vertical([
        Constraint::Length(4),
        Constraint::Length(if n_gpus == 0 { 0 } else { n_gpus.saturating_add(2).min(frame.area().height / 3) }),
        Constraint::Min(4),
        Constraint::Length(if status.troubles.is_empty() { 0 } else { TROUBLES }),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(summary(status)), head);
    draw_gpus(frame, gpus, &status.gpus);
    draw_work(frame, work, status, screen.scroll);
    draw_troubles(frame, troubles, status);
    frame.render_widget(Paragraph::new(footer(screen)), foot);
}

fn summary(status: &Status) -> Vec<Line<'static>> {
    let link_for = since(status.link.since, status.at);
    let link = match status.link.connected {
        true => Span::styled(format!("connected for {link_for}"), GOOD),
        false => Span::styled(format!("NOT CONNECTED for {link_for}"), BAD),
    };
    let leases = match status.draining {
        true => Span::styled("draining: takes no further lease", BAD),
        false => Span::raw("takes leases"),
    };
    let unpaid = status.leases.iter().fold(0u64, |sum, lease| sum.saturating_add(lease.unredeemed.0));
    let (storage, totals) = (&status.storage, &status.totals);
    vec![
        Line::from(vec![
            Span::styled("millrace worker ", HEAD),
            Span::raw(format!("{}  up for {}  ", status.version, since(status.started_at, status.at))),
            link,
            Span::raw("  "),
            leases,
        ]),
        Line::raw(format!("node {}  orchestrator {}", status.node, status.link.orchestrator)),
        Line::raw(format!(
            "earned since start {}  not yet paid {}  tasks {} done, {} failed",
            totals.earned,
            MicroUsdc(unpaid),
            totals.tasks_done,
            totals.tasks_failed
        )),
        Line::raw(format!(
            "disk {} free  inputs {} of {}  images {} of {}",
            bytes(storage.free_bytes),
            bytes(storage.input_cache_bytes),
            bytes(storage.input_cache_limit_bytes),
            bytes(storage.image_cache_bytes),
            bytes(storage.image_cache_limit_bytes),
        )),
    ]
}

fn draw_gpus(frame: &mut Frame<'_>, area: Rect, gpus: &[GpuStatus]) {
    let block = Block::bordered().title(" GPUs ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    for (position, (gpu, row)) in gpus.iter().zip(inner.rows()).enumerate() {
        let [name, busy, rest] =
            Layout::horizontal([Constraint::Length(34), Constraint::Length(14), Constraint::Min(10)])
                .spacing(1)
                .areas(row);
        let kind = if gpu.simulated { " (simulated)" } else { "" };
        let slice = gpu.slice.as_ref().map_or_else(String::new, |slice| format!(" {slice}"));
        frame.render_widget(Paragraph::new(format!("{position:>2} {}{slice}{kind}", gpu.model)), name);
        match gpu.busy_percent {
            Some(percent) => {
                let percent = u16::try_from(percent.min(100)).unwrap_or(100);
                frame.render_widget(Gauge::default().percent(percent).gauge_style(GOOD), busy);
            }
            None => frame.render_widget(Paragraph::new("-"), busy),
        }
        frame.render_widget(Paragraph::new(Line::from(gpu_rest(gpu))), rest);
    }
}

fn gpu_rest(gpu: &GpuStatus) -> Vec<Span<'static>> {
    let mut told = Vec::new();
    match gpu.memory_used_mib {
        Some(used) => told.push(format!("{used}/{} MiB", gpu.vram_mib)),
        None => told.push(format!("{} MiB", gpu.vram_mib)),
    }
    told.extend(gpu.milliwatts.map(|power| format!("{} W", power / 1_000)));
    told.extend(gpu.celsius.map(|heat| format!("{heat} C")));
    let mut spans = vec![Span::raw(format!("{}  ", told.join("  ")))];
    spans.push(match (&gpu.fault, gpu.lease) {
        (Some(fault), _) => Span::styled(fault.clone(), BAD),
        (None, Some(lease)) => Span::styled(format!("lease {}", short(lease)), GOOD),
        (None, None) => Span::raw("free"),
    });
    spans
}

/// Leases, and under each its tasks.
fn draw_work(frame: &mut Frame<'_>, area: Rect, status: &Status, scroll: u16) {
    let mut rows = Vec::new();
    for lease in &status.leases {
        rows.push(
            Row::new([
                short(lease.lease),
                format!("{}, GPUs {}", lease.phase, positions(&lease.gpus)),
                duration(lease.attested),
                usdc(lease.earned),
                usdc(lease.unredeemed),
            ])
            .style(HEAD),
        );
        let tasks = status.tasks.iter().filter(|task| task.lease == lease.lease && !has_ended(task));
        rows.extend(tasks.map(|task| {
            let running = task.running_since.map_or_else(String::new, |from| since(from, status.at));
            let phase = format!("task {}: {}", task.task, task.phase);
            Row::new([format!("  try {}", task.attempt), phase, running, task.image.clone(), String::new()])
        }));
    }
    // No further than the last line, however long somebody leans on the key.
    let first = usize::from(scroll).min(rows.len().saturating_sub(1));
    let widths = [
        Constraint::Length(9),
        Constraint::Min(24),
        Constraint::Length(9),
        Constraint::Length(20),
        Constraint::Length(14),
    ];
    let table = Table::new(rows.split_off(first), widths)
        .header(Row::new(["LEASE", "DOES", "TIME", "EARNED, USDC", "NOT YET PAID"]).style(HEAD))
        .block(Block::bordered().title(format!(" leases: {} ", status.leases.len())));
    frame.render_widget(table, area);
}

fn draw_troubles(frame: &mut Frame<'_>, area: Rect, status: &Status) {
    let latest = status.troubles.iter().rev().take(usize::from(TROUBLES - 2));
    let lines: Vec<Line<'_>> = latest
        .map(|trouble| {
            Line::from(vec![
                Span::styled(format!("[{}] ", trouble.code), BAD),
                Span::raw(format!("{}  {} ago", trouble.cause, since(trouble.at, status.at))),
            ])
        })
        .collect();
    frame.render_widget(Paragraph::new(lines).block(Block::bordered().title(" last troubles ")), area);
}

fn footer(screen: &Screen) -> Line<'static> {
    match &screen.trouble {
        Some(trouble) => Line::styled(format!("{trouble}; this is how it was before. q leaves"), BAD),
        None => Line::raw("q leaves, arrows scroll; `millrace worker status` says it in full"),
    }
}
