use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::*;
use crate::views::worker::tests::{busy, idle};

fn drawn(screen: &Screen, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, screen)).unwrap();
    terminal.backend().to_string()
}

#[test]
fn a_busy_rig_fills_the_screen() {
    insta::assert_snapshot!(drawn(&Screen::new(busy()), 110, 24));
}

/// The smallest terminal that most have, and a corner of a screen.
#[test]
fn a_small_terminal_shows_what_matters() {
    insta::assert_snapshot!("80x24", drawn(&Screen::new(busy()), 80, 24));
    insta::assert_snapshot!("40x12", drawn(&Screen::new(busy()), 40, 12));
}

#[test]
fn an_idle_rig_is_calm() {
    insta::assert_snapshot!(drawn(&Screen::new(idle()), 110, 12));
}

#[test]
fn a_worker_that_goes_away_leaves_its_last_words() {
    let mut screen = Screen::new(busy());
    screen.hear(Err(Error::NotRunning { data_dir: "/var/lib/millrace".into() }));
    let shown = drawn(&screen, 110, 24);
    assert!(shown.contains("[worker-not-running] no worker runs on the data folder /var/lib/millrace"), "{shown}");
    assert!(shown.contains("CktRuQ2m"), "{shown}");
    screen.hear(Ok(idle()));
    assert!(!drawn(&screen, 110, 24).contains("worker-not-running"));
}

#[test]
fn no_size_of_a_terminal_and_no_scrolling_breaks_it() {
    let mut screen = Screen::new(busy());
    for scroll in [0, 1, 2, 3, u16::MAX] {
        screen.scroll = scroll;
        for (width, height) in [(1, 1), (10, 3), (40, 8), (80, 24), (300, 100)] {
            drawn(&screen, width, height);
        }
    }
    // The last line stays in sight.
    assert!(drawn(&screen, 110, 24).contains("task 2"));
}

#[test]
fn keys_do_what_they_say() {
    let press = |code, modifiers| wish(KeyEvent::new(code, modifiers));
    for code in [KeyCode::Char('q'), KeyCode::Esc] {
        assert_eq!(press(code, KeyModifiers::NONE), Wish::Leave);
    }
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::CONTROL), Wish::Leave);
    assert_eq!(press(KeyCode::Char('c'), KeyModifiers::NONE), Wish::Nothing);
    assert_eq!(press(KeyCode::Down, KeyModifiers::NONE), Wish::Scroll(1));
    assert_eq!(press(KeyCode::PageUp, KeyModifiers::NONE), Wish::Scroll(-10));
}
