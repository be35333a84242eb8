#![doc = include_str!("../README.md")]

mod bulk;
mod cluster;
mod connection;
mod error;
mod fields;
mod holding;
mod look;
mod mapping;
mod names;
mod precheck;
mod privileges;
mod query;
mod reader;
mod scan;
mod server_side;
mod update;
mod wire;
mod writer;

pub use bulk::{Action, ItemOutcome};
pub use cluster::{Cluster, Product, Resolved, ResolvedKind, Server};
pub use connection::{Connection, Credentials, Endpoint, EndpointError};
pub use error::{Cause, Error};
pub use fields::{Fields, NamespaceField, ValueField};
pub use holding::{Found, Holding};
pub use look::{Look, NamespaceNumbers, Numbers, Preview, Value, ValueCount};
pub use mapping::{FieldType, MappingEditor};
pub use names::{FieldName, IndexName, NameError};
pub use precheck::{Cleared, Finding, Precheck, Severity, Stopped};
pub use privileges::Privileges;
pub use query::{Mode, Query, Scope, Task};
pub use reader::{Document, Reader};
pub use scan::{Hit, Page, Scan, SourceFields, Stamp};
pub use server_side::{ServerSide, ServerSideStatus, TaskId};
pub use update::{Limits, Listed, Progress, Step, Update};
pub use writer::{Refreshed, Writer};
