//! What the key may do.

use serde_json::{Value, json};
use upstream::{Kind, Request};

use crate::{Error, Reader};

/// What the key may do with the indexes, as far as the server says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privileges {
    /// The server says it.
    Known {
        /// Search and count.
        read: bool,
        /// Update documents.
        index: bool,
        /// See mappings and settings.
        view_metadata: bool,
        /// Refresh.
        maintenance: bool,
        /// Delete documents: more than is needed.
        delete: bool,
        /// Create indexes: more than is needed.
        create_index: bool,
        /// Change mappings: needed only to add one.
        manage: bool,
    },
    /// The server has no way to ask (no security, or OpenSearch's).
    Unknown,
}

impl Reader {
    /// Asks what the key may do with these indexes; true is what holds for all of them. The index's own name (an alias,
    /// a data stream) stands in where the server denies a backing index to a key of the data stream.
    ///
    /// # Errors
    ///
    /// If the request fails for another reason than that the server has no such API.
    pub async fn privileges(&self, indices: &[String]) -> Result<Privileges, Error> {
        let wanted =
            ["read", "index", "view_index_metadata", "maintenance", "delete", "create_index", "manage"];
        let mut names: Vec<&str> = indices.iter().map(String::as_str).collect();
        names.push(self.index().as_str());
        let body = json!({"index": [{"names": names, "privileges": wanted}]}).to_string();
        let request = Request::post("/_security/user/_has_privileges", body);
        let reply: Value = match self.http().json(&request).await.map_err(Error::from) {
            Ok(reply) => reply,
            Err(error) if error.is_no_such_api() || *error.kind() == Kind::Forbidden => {
                return Ok(Privileges::Unknown);
            }
            Err(error) => return Err(error),
        };
        let Some(by_index) = reply.get("index") else { return Ok(Privileges::Unknown) };
        let one = |name: &str, privilege: &str| {
            by_index.get(name).and_then(|index| index.get(privilege)).and_then(Value::as_bool) == Some(true)
        };
        // A key of an alias cannot write to the indexes behind it, so the name stands in for data streams only.
        let may = |privilege: &str| {
            indices.iter().all(|name| {
                one(name, privilege) || name.starts_with(".ds-") && one(self.index().as_str(), privilege)
            })
        };
        Ok(Privileges::Known {
            read: may("read"),
            index: may("index"),
            view_metadata: may("view_index_metadata"),
            maintenance: may("maintenance"),
            delete: may("delete"),
            create_index: may("create_index"),
            manage: may("manage"),
        })
    }
}
