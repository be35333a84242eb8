//! The icons, drawn on a grid of 24 with strokes of the text's colour.

use leptos::prelude::*;

/// What an icon shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Symbol {
    /// Four panels.
    Dashboard,
    /// A magnifying glass.
    Search,
    /// Two halves and the mirror line.
    Mirror,
    /// Two arrows in a circle.
    Reembed,
    /// Lines of text.
    Documents,
    /// Two sliders.
    Settings,
    /// A brush.
    Design,
    /// A clock.
    Runs,
    /// A closed lock.
    Lock,
    /// A pen.
    Pen,
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// An exclamation mark in a triangle.
    Warning,
    /// An i in a circle.
    Info,
    /// A half circle, turning.
    Turning,
    /// Three dots of a change.
    Changes,
    /// A question mark.
    Question,
    /// A stop square.
    Stop,
    /// Two bars.
    Pause,
    /// A plug pulled out.
    Interrupted,
    /// A calendar sheet.
    Schedule,
    /// An arrow up.
    Up,
    /// An arrow down.
    Down,
    /// Two sheets.
    Copy,
    /// An arrow into a tray.
    Download,
    /// A sun.
    Light,
    /// A moon.
    Dark,
    /// A screen.
    System,
}

impl Symbol {
    const fn path(self) -> &'static str {
        match self {
            Self::Dashboard => "M3 12h7V3H3zM14 21h7v-9h-7zM14 3v5h7V3zM3 21h7v-5H3z",
            Self::Search => "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14M20 20l-4-4",
            Self::Reembed => "M4 12a8 8 0 0 1 14-5l2 2M20 4v5h-5M20 12a8 8 0 0 1-14 5l-2-2M4 20v-5h5",
            Self::Documents => "M4 6h12M4 12h16M4 18h10",
            Self::Settings => {
                "M4 7h10M18 7h2M4 17h2M10 17h10M16 5a2 2 0 1 0 0 4 2 2 0 0 0 0-4M8 15a2 2 0 1 0 0 4 2 2 0 0 0 0-4"
            }
            Self::Design => {
                "M4 20c3 0 5-1 5-4 0-1.500-1-2.500-2.500-2.500S4 14.500 4 16zM9.500 14 19 4.500l1.500 1.500L11 15.500"
            }
            Self::Mirror => "M12 3v18M8 7 3 12l5 5M16 7l5 5-5 5",
            Self::Runs => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 7v5l3 2",
            Self::Lock => "M6 11h12v9H6zM9 11V7a3 3 0 0 1 6 0v4",
            Self::Pen => "m4 20 1-4L16 5l3 3L8 19zM14 7l3 3",
            Self::Check => "m5 12.5 4.5 4.5L19 7.5",
            Self::Cross => "M6 6l12 12M18 6 6 18",
            Self::Warning => "M12 4 2.8 20h18.4zM12 10v4M12 17v.2",
            Self::Info => "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M12 11v5M12 8v.2",
            Self::Turning => "M12 3a9 9 0 0 1 9 9M12 21a9 9 0 0 1-9-9",
            Self::Changes => "M5 9c3-4 6 4 14 0M5 16c3-4 6 4 14 0",
            Self::Question => "M9 9a3 3 0 1 1 4.5 2.6c-1 .6-1.5 1.2-1.5 2.4M12 18v.2",
            Self::Stop => "M6 6h12v12H6z",
            Self::Pause => "M8 5v14M16 5v14",
            Self::Interrupted => "M4 12h5M15 12h5M9 7v10M15 7v10",
            Self::Schedule => "M4 6h16v14H4zM4 10h16M8 3v4M16 3v4",
            Self::Up => "M12 19V5M6 11l6-6 6 6",
            Self::Down => "M12 5v14M6 13l6 6 6-6",
            Self::Copy => "M9 9h11v11H9zM5 15H4V4h11v1",
            Self::Download => "M12 4v11M7 11l5 5 5-5M4 20h16",
            Self::Light => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.4 1.4M17.6 17.6 19 19M19 5l-1.4 1.4M6.4 17.6 5 19"
            }
            Self::Dark => "M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5",
            Self::System => "M3 5h18v11H3zM9 20h6M12 16v4",
        }
    }
}

/// An icon beside a word; it is hidden from screen readers, so the word must be there.
#[component]
pub fn Icon(
    /// What it shows.
    symbol: Symbol,
) -> impl IntoView {
    view! {
        <svg
            class="icon"
            width="16"
            height="16"
            viewBox="0 0 24 24"
            fill="none"
            stroke="currentColor"
            stroke-width="1.9"
            stroke-linecap="round"
            stroke-linejoin="round"
            aria-hidden="true"
        >
            <path d=symbol.path() />
        </svg>
    }
}
