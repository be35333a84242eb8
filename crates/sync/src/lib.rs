#![doc = include_str!("../README.md")]

mod batch;
mod compare;
mod context;
mod diff;
mod embedding;
mod pipeline;
mod plan;
mod ports;
mod reading;
mod record;
mod recorder;
mod run;
mod services;
mod settings;
mod spool;
mod verify;
mod words;
mod writing;

pub use compare::{changes, equal};
pub use ports::{Embed, Embedded, ErrorClass, Page, PortError, ReadIndex, Upserted, WriteIndex};
pub use recorder::{Clock, Recorder};
pub use run::{Probe, Services, Usage, UsageNote, execute, head, steps};
pub use services::{GeminiEmbedder, SourceReader, TargetWriter, connected};
pub use settings::{MAX_UNWRITTEN_TEXTS, Settings};
