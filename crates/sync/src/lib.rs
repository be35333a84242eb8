#![doc = include_str!("../README.md")]

mod batch;
mod compare;
mod context;
mod diff;
mod documents;
mod embedding;
mod journal;
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
mod stop;
mod verify;
mod words;
mod writing;

pub use compare::{changes, equal, present};
pub use documents::{
    SearchIndex, SearchServices, UpdateError, execute_documents, execute_levels, level_of, task_of,
};
pub use pipeline::Origin;
pub use ports::{Embed, Embedded, ErrorClass, ListedPage, Page, PortError, ReadIndex, Upserted, WriteIndex};
pub use record::text;
pub use recorder::{Clock, Recorder};
pub use run::{Durable, Probe, Services, Usage, UsageNote, execute, head, origin, steps};
pub use services::{GeminiEmbedder, SourceReader, TargetWriter, connected};
pub use settings::{MAX_UNWRITTEN_TEXTS, Settings};
pub use stop::{Stop, StopReason};
