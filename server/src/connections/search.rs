//! The search index, connected to when it is first needed.

use elasticsearch::{Cluster, Connection, Endpoint, Error};
use sync::SearchIndex;
use upstream::{Kind, Trust};

use super::{ConnectError, Connections, failure, failure::service_failed};
use crate::{
    config::{Elasticsearch, MISSING_ELASTICSEARCH},
    exit::chain,
};

/// Indexes that are named where the configured one is not there.
const NAMED: usize = 8;

impl Connections {
    /// Where the cluster is.
    ///
    /// # Errors
    ///
    /// The name of the variable that says it, where it is not set.
    pub fn search_endpoint(&self) -> Result<&Endpoint, ConnectError> {
        let endpoint = self.config.elasticsearch.endpoint.as_ref();
        endpoint.ok_or_else(|| ConnectError::NotConfigured(MISSING_ELASTICSEARCH.to_owned()))
    }

    /// What names the search index unmistakably: cluster and index.
    ///
    /// # Errors
    ///
    /// The name of the variable that says where the cluster is, where it is not set.
    pub fn search_identity(&self) -> Result<String, ConnectError> {
        Ok(format!("{}{}", self.search_endpoint()?.as_str(), self.config.elasticsearch.index))
    }

    /// The cluster, whether the index is there or not.
    ///
    /// # Errors
    ///
    /// A setting that is missing or does not fit, or what the server said.
    pub async fn cluster(&self) -> Result<&(Connection, Cluster), ConnectError> {
        let connect = async || {
            let connection = self.search_connection().await?;
            let cluster = Cluster::connect(&connection).await.map_err(search_failed)?;
            Ok((connection, cluster))
        };
        self.cluster.get_or_try_init(connect).await
    }

    /// The search index. That it is there is made sure of once; whatever writes makes sure again.
    ///
    /// # Errors
    ///
    /// A setting that is missing or does not fit, an index that is not there, or what the server said.
    pub async fn search(&self) -> Result<SearchIndex, ConnectError> {
        let connect = async || {
            let (connection, cluster) = self.cluster().await?;
            let settings = &self.config.elasticsearch;
            let reader = match cluster.index(&settings.index).await {
                Ok(reader) => reader,
                Err(error) => return Err(not_there(cluster, error).await),
            };
            Ok(SearchIndex {
                connection: connection.clone(),
                reader,
                namespace_field: settings.namespace_field.clone(),
                id_field: settings.id_field.clone(),
            })
        };
        self.search.get_or_try_init(connect).await.cloned()
    }

    async fn search_connection(&self) -> Result<Connection, ConnectError> {
        let Elasticsearch { credentials, ca_certificate, verifies_certificates, .. } =
            &self.config.elasticsearch;
        let mut connection = Connection::new(self.search_endpoint()?.clone(), credentials.clone());
        if !verifies_certificates {
            tracing::warn!(
                "ELASTICSEARCH_VERIFY_CERTS is false: whoever sits between can read the key and change every answer"
            );
            connection.options.trust = Trust::Anybody;
        } else if let Some(path) = ca_certificate {
            let pem = tokio::fs::read(path).await.map_err(|error| {
                ConnectError::NotConfigured(format!(
                    "ELASTICSEARCH_CA_CERT names {}, which cannot be read ({error}); name a PEM file",
                    path.display()
                ))
            })?;
            connection = connection.with_ca_certificate(pem);
        }
        Ok(connection)
    }
}

/// What an error of the search index means for whoever asked: something to put right here, or there.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` hands over")]
pub fn search_failed(error: Error) -> ConnectError {
    match &error {
        Error::NoIndex { .. }
        | Error::NotVisible { .. }
        | Error::Name(_)
        | Error::Endpoint(_)
        | Error::NamespaceNotExact { .. }
        | Error::Unsupported { .. } => ConnectError::NotConfigured(chain(&error)),
        // Nothing was sent: the options cannot be used, as a CA certificate that is none.
        _ if *error.kind() == Kind::NotAllowed => ConnectError::NotConfigured(chain(&error)),
        _ => service_failed(&error, error.kind(), &failure::ELASTICSEARCH),
    }
}

/// Why the index cannot be used; where it is not there, with the names of some that are.
async fn not_there(cluster: &Cluster, error: Error) -> ConnectError {
    let is_absent = matches!(error, Error::NoIndex { .. } | Error::NotVisible { .. });
    let failed = search_failed(error);
    if !is_absent {
        return failed;
    }
    // The names are a help: that they cannot be listed changes nothing.
    let seen = cluster.indices().await.unwrap_or_default();
    if seen.is_empty() {
        return failed;
    }
    let names: Vec<&str> = seen.iter().take(NAMED).map(|resolved| resolved.name.as_str()).collect();
    let more = if seen.len() > NAMED { ", …" } else { "" };
    ConnectError::NotConfigured(format!(
        "{failed}; ELASTICSEARCH_INDEX can name one that the key sees: {}{more}",
        names.join(", ")
    ))
}
