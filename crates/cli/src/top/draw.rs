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
/// Lines of leases and tasks that are always there, their border included, and the last line.
const LEAST: u16 = 5;
/// In fewer columns a line is for names and states, not for sums.
const NARROW: u16 = 72;

/// Draws everything there is room for; nothing is told by color alone.
pub fn draw(frame: &mut Frame<'_>, screen: &Screen) {
    let Some(status) = &screen.status else { return };
    let area = frame.area();
    let n_gpus = u16::try_from(status.gpus.len()).unwrap_or(u16::MAX);
    let n_gpus = if n_gpus == 0 { 0 } else { n_gpus.saturating_add(2).min(area.height / 3) };
    let count = |lines: &[Line<'_>]| u16::try_from(lines.len()).unwrap_or(u16::MAX);
    let mut told = flow(state(status), area.width);
    let more: Vec<_> = sums(status).into_iter().flat_map(|facts| flow(facts, area.width)).collect();
    // What runs comes first, then how the rig is, then what was.
    let spare = |told: u16| area.height.checked_sub(LEAST.saturating_add(n_gpus).saturating_add(told));
    if spare(count(&told).saturating_add(count(&more))).is_some() {
        told.extend(more);
    }
    let n_told = count(&told).min(area.height / 2);
    let has_room = spare(n_told).is_some_and(|lines| lines >= TROUBLES);
    let [head, gpus, work, troubles, foot] = Layout::vertical([
        Constraint::Length(n_told),
        Constraint::Length(n_gpus),
        Constraint::Min(4),
        Constraint::Length(if status.troubles.is_empty() || !has_room { 0 } else { TROUBLES }),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(Paragraph::new(told), head);
    draw_gpus(frame, gpus, &status.gpus);
    draw_work(frame, work, status, screen.scroll);
    draw_troubles(frame, troubles, status);
    frame.render_widget(Paragraph::new(footer(screen, area.width)), foot);
}

/// Facts side by side, on as many lines as they take: none is cut where a line of its own would hold it.
fn flow(facts: Vec<Span<'static>>, width: u16) -> Vec<Line<'static>> {
    let mut lines: Vec<Line<'static>> = Vec::new();
    for fact in facts {
        match lines.last_mut().filter(|line| line.width() + 2 + fact.width() <= usize::from(width)) {
            Some(line) => {
                line.push_span("  ");
                line.push_span(fact);
            }
            None => lines.push(Line::from(fact)),
        }
    }
    lines
}

fn state(status: &Status) -> Vec<Span<'static>> {
    let link_for = since(status.link.since, status.at);
    let link = match status.link.connected {
        true => Span::styled(format!("connected for {link_for}"), GOOD),
        false => Span::styled(format!("NOT CONNECTED for {link_for}"), BAD),
    };
    let leases = match (status.unfit.is_empty(), status.draining) {
        (false, _) => Span::styled("unfit: takes no further lease", BAD),
        (true, true) => Span::styled("draining: takes no further lease", BAD),
        (true, false) => Span::raw("takes leases"),
    };
    let up = since(status.started_at, status.at);
    vec![
        Span::styled(format!("millrace worker {}", status.version), HEAD),
        Span::raw(format!("up for {up}")),
        link,
        leases,
    ]
}

fn sums(status: &Status) -> [Vec<Span<'static>>; 3] {
    let unpaid = status.leases.iter().fold(0u64, |sum, lease| sum.saturating_add(lease.unredeemed.0));
    let (storage, totals) = (&status.storage, &status.totals);
    let (inputs, images) = (storage.input_cache_bytes, storage.image_cache_bytes);
    [
        vec![format!("node {}", status.node), format!("orchestrator {}", status.link.orchestrator)],
        vec![
            format!("earned since start {}", totals.earned),
            format!("not yet paid {}", MicroUsdc(unpaid)),
            format!("tasks {} done, {} failed", totals.tasks_done, totals.tasks_failed),
        ],
        vec![
            format!("disk {} free", bytes(storage.free_bytes)),
            format!("inputs {} of {}", bytes(inputs), bytes(storage.input_cache_limit_bytes)),
            format!("images {} of {}", bytes(images), bytes(storage.image_cache_limit_bytes)),
        ],
    ]
    .map(|facts| facts.into_iter().map(Span::raw).collect())
}

fn draw_gpus(frame: &mut Frame<'_>, area: Rect, gpus: &[GpuStatus]) {
    let block = Block::bordered().title(" GPUs ");
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let names: Vec<Line<'_>> = gpus.iter().enumerate().map(|(position, gpu)| gpu_name(position, gpu)).collect();
    let longest = names.iter().map(Line::width).max().and_then(|width| u16::try_from(width).ok()).unwrap_or(0);
    let (most, bar) = if area.width < NARROW { (16, 5) } else { (34, 14) };
    for ((gpu, told), row) in gpus.iter().zip(names).zip(inner.rows()) {
        let [name, busy, rest] =
            Layout::horizontal([Constraint::Length(longest.min(most)), Constraint::Length(bar), Constraint::Min(10)])
                .spacing(1)
                .areas(row);
        frame.render_widget(Paragraph::new(told), name);
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

fn gpu_name(position: usize, gpu: &GpuStatus) -> Line<'static> {
    let kind = if gpu.simulated { " (simulated)" } else { "" };
    let slice = gpu.slice.as_ref().map_or_else(String::new, |slice| format!(" {slice}"));
    Line::raw(format!("{position:>2} {}{slice}{kind}", gpu.model))
}

/// What is cut first comes last.
fn gpu_rest(gpu: &GpuStatus) -> Vec<Span<'static>> {
    let state = match (&gpu.fault, gpu.lease) {
        (Some(fault), _) => Span::styled(fault.clone(), BAD),
        (None, Some(lease)) => Span::styled(format!("lease {}", short(lease)), GOOD),
        (None, None) => Span::raw("free"),
    };
    let mut told = Vec::new();
    match gpu.memory_used_mib {
        Some(used) => told.push(format!("{used}/{} MiB", gpu.vram_mib)),
        None => told.push(format!("{} MiB", gpu.vram_mib)),
    }
    told.extend(gpu.milliwatts.map(|power| format!("{} W", power / 1_000)));
    told.extend(gpu.celsius.map(|heat| format!("{heat} C")));
    vec![state, Span::raw(format!("  {}", told.join("  ")))]
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
    let [image, unpaid] = if area.width < NARROW { [0, 0] } else { [18, 12] };
    let widths = [
        Constraint::Length(8),
        Constraint::Min(16),
        Constraint::Length(8),
        Constraint::Length(image),
        Constraint::Length(unpaid),
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

fn footer(screen: &Screen, width: u16) -> Line<'static> {
    match &screen.trouble {
        Some(trouble) => Line::styled(format!("q leaves; as it was before: {trouble}"), BAD),
        None if width < NARROW => Line::raw("q leaves, arrows scroll"),
        None => Line::raw("q leaves, arrows scroll; `millrace worker status` says it in full"),
    }
}
