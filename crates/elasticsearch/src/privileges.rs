//! What the key may do.

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;
use upstream::{Kind, Request};

use std::collections::BTreeMap;

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

/// Privileges by index.
#[derive(Deserialize)]
struct Reply {
    index: BTreeMap<String, BTreeMap<String, bool>>,
}

/// Privileges on the cluster.
#[derive(Deserialize)]
struct ClusterReply {
    cluster: BTreeMap<String, bool>,
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
        let Some(reply) = self.asked_privileges(body).await? else { return Ok(Privileges::Unknown) };
        known(&reply, indices, self.index().as_str())
            .ok_or_else(|| self.nonsense("it does not say every privilege"))
    }

    /// Asks whether the key may stop a task of the server, which takes `manage` on the cluster; `None` where the server
    /// has no way to ask.
    ///
    /// # Errors
    ///
    /// As [`Reader::privileges`].
    pub(crate) async fn may_stop_tasks(&self) -> Result<Option<bool>, Error> {
        let body = json!({"cluster": ["manage"]}).to_string();
        let Some(ClusterReply { cluster }) = self.asked_privileges(body).await? else { return Ok(None) };
        let may = cluster.get("manage").copied();
        may.map(Some).ok_or_else(|| self.nonsense("it does not say every privilege"))
    }

    async fn asked_privileges<T: DeserializeOwned>(&self, body: String) -> Result<Option<T>, Error> {
        let request = Request::post("/_security/user/_has_privileges", body);
        match self.http().json(&request).await.map_err(Error::from) {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if error.is_no_such_api() || *error.kind() == Kind::Forbidden => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What an answer says; `None` if it leaves something out.
fn known(reply: &Reply, indices: &[String], own: &str) -> Option<Privileges> {
    let one = |name: &str, privilege: &str| reply.index.get(name)?.get(privilege).copied();
    // A key of an alias cannot write to the indexes behind it, so the name stands in for data streams only.
    let may = |privilege: &str| {
        indices.iter().try_fold(true, |all, name| {
            let is_allowed = one(name, privilege)? || name.starts_with(".ds-") && one(own, privilege)?;
            Some(all && is_allowed)
        })
    };
    Some(Privileges::Known {
        read: may("read")?,
        index: may("index")?,
        view_metadata: may("view_index_metadata")?,
        maintenance: may("maintenance")?,
        delete: may("delete")?,
        create_index: may("create_index")?,
        manage: may("manage")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn a_privilege_that_is_not_said_is_none_that_is_denied() {
        let mut of_index = json!({
            "read": true, "index": true, "view_index_metadata": true, "maintenance": true, "delete": false,
            "create_index": false, "manage": false,
        });
        let read = |of_index: &Value| {
            let reply = json!({"index": {"idx": of_index}});
            known(&serde_json::from_value(reply).unwrap(), &["idx".to_owned()], "idx")
        };
        assert!(matches!(read(&of_index), Some(Privileges::Known { read: true, delete: false, .. })));
        of_index.as_object_mut().unwrap().remove("delete");
        assert_eq!(read(&of_index), None);
        assert!(serde_json::from_value::<Reply>(json!({})).is_err());
    }
}
