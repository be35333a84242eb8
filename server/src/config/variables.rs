//! Every setting: its name, its other names, its default, and what it is for.

/// The part of `tain config` that a setting stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The two indexes.
    Pinecone,
    /// The embedding service.
    Gemini,
    /// What a mirror does.
    Mirror,
    /// Where tain listens, keeps its files and logs.
    Tain,
    /// The search index beside the two; nothing needs it but what is about its documents.
    Elasticsearch,
}

impl Group {
    /// The heading.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pinecone => "Pinecone",
            Self::Gemini => "Gemini",
            Self::Mirror => "Mirror",
            Self::Tain => "tain",
            Self::Elasticsearch => "Elasticsearch",
        }
    }
}

/// One setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the environment and in `.env`; in `tain.toml` the same in lowercase.
    pub name: &'static str,
    /// Names that are read too, in this order, where the first one is not set.
    pub aliases: &'static [&'static str],
    /// The value where nothing is set.
    pub default: Option<&'static str>,
    /// Whether its value must never be shown.
    pub secret: bool,
    /// Where it stands.
    pub group: Group,
    /// What it is for.
    pub help: &'static str,
}

impl Variable {
    /// Its key in `tain.toml`.
    pub fn toml_key(&self) -> String {
        self.name.to_ascii_lowercase()
    }
}

const fn plain(group: Group, name: &'static str, default: &'static str, help: &'static str) -> Variable {
    Variable { name, aliases: &[], default: Some(default), secret: false, group, help }
}

const fn unset(group: Group, name: &'static str, help: &'static str) -> Variable {
    Variable { name, aliases: &[], default: None, secret: false, group, help }
}

const fn secret(group: Group, name: &'static str, help: &'static str) -> Variable {
    Variable { name, aliases: &[], default: None, secret: true, group, help }
}

/// All settings, in the order in which they are shown.
///
/// Quotas default to the documented ones (`apis/pinecone.md` section 6, `apis/gemini.md` section 6, tier 1); what a
/// service answers at run time wins over them.
pub const VARIABLES: &[Variable] = &[
    secret(Group::Pinecone, "PINECONE_API_KEY", "the key for both indexes"),
    plain(Group::Pinecone, "PINECONE_OLD_INDEX", "gflops-serverless", "the source index, only read"),
    plain(Group::Pinecone, "PINECONE_NEW_INDEX", "askdona", "the target index"),
    plain(Group::Pinecone, "PINECONE_ENVIRONMENT", "us-west-2", "the region, shown only"),
    plain(Group::Pinecone, "PINECONE_CONTROLLER_HOST", "https://api.pinecone.io", "the control plane"),
    plain(Group::Pinecone, "PINECONE_LIST_PER_SECOND", "200", "list requests a second for each index"),
    plain(Group::Pinecone, "PINECONE_FETCH_PER_SECOND", "100", "fetch requests a second for each index"),
    plain(Group::Pinecone, "PINECONE_UPSERT_PER_SECOND", "100", "upserts a second for each namespace"),
    plain(Group::Pinecone, "PINECONE_UPSERT_BYTES_PER_SECOND", "50000000", "upserted bytes a second"),
    Variable {
        aliases: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        ..secret(Group::Gemini, "GOOGLE_AI_API_KEY", "the key for embeddings")
    },
    plain(
        Group::Gemini,
        "GOOGLE_GEMINI_BASE_URL",
        "https://generativelanguage.googleapis.com",
        "the embedding service",
    ),
    plain(Group::Gemini, "GEMINI_EMBEDDING_MODEL", "gemini-embedding-001", "the embedding model"),
    plain(Group::Gemini, "GEMINI_OUTPUT_DIMENSIONS", "3072", "dimensions of the embeddings"),
    plain(Group::Gemini, "GEMINI_TASK_TYPE", "RETRIEVAL_DOCUMENT", "what the embeddings are for"),
    plain(Group::Gemini, "GEMINI_TEXTS_PER_MINUTE", "3000", "texts a minute, which is what the quota counts"),
    plain(Group::Gemini, "GEMINI_TOKENS_PER_MINUTE", "1000000", "tokens a minute"),
    plain(Group::Mirror, "DEFAULT_NAMESPACE", "", "the namespace that forms start with"),
    plain(Group::Mirror, "TEXT_METADATA_KEY", "text", "the metadata key that holds the text"),
    plain(Group::Mirror, "NEW_METADATA_KEY", "clearance_level", "the metadata key that a mirror adds"),
    plain(Group::Mirror, "NEW_METADATA_VALUE", "1", "its value, as JSON"),
    plain(Group::Mirror, "QUERY_BATCH_SIZE", "100", "ids in one fetch, at most"),
    plain(Group::Mirror, "EMBEDDING_BATCH_SIZE", "100", "texts in one embedding call, at most"),
    plain(Group::Mirror, "UPSERT_BATCH_SIZE", "100", "records in one upsert, at most"),
    plain(Group::Mirror, "BATCH_DELAY", "0", "seconds of pause between batches, on top of the pacing"),
    Variable {
        // cargo-leptos tells the server in this way where it is expected to listen.
        aliases: &["LEPTOS_SITE_ADDR"],
        ..plain(Group::Tain, "TAIN_LISTEN", "127.0.0.1:3000", "where the app listens; loopback only")
    },
    unset(
        Group::Tain,
        "TAIN_DATA_DIR",
        "where runs, plans, the ledger, schedules and locks are kept (from XDG_DATA_HOME or HOME)",
    ),
    Variable {
        aliases: &["RUST_LOG"],
        ..unset(Group::Tain, "TAIN_LOG", "what is logged to stderr: warn, or info,server=debug")
    },
    plain(Group::Tain, "TAIN_LOG_FORMAT", "text", "text or json"),
    Variable {
        aliases: &["ELASTICSEARCH_URL", "ELASTICSEARCH_CLOUD_ID"],
        ..unset(
            Group::Elasticsearch,
            "ELASTICSEARCH_ENDPOINT",
            "the address of the cluster, or its Cloud ID; without it there is no search index",
        )
    },
    secret(Group::Elasticsearch, "ELASTICSEARCH_API_KEY", "its key: encoded, or as id:key"),
    unset(Group::Elasticsearch, "ELASTICSEARCH_USERNAME", "a user, where there is no key"),
    secret(Group::Elasticsearch, "ELASTICSEARCH_PASSWORD", "the user's password"),
    unset(
        Group::Elasticsearch,
        "ELASTICSEARCH_CA_CERT",
        "the path of a PEM file: the CA that signed the cluster's certificate",
    ),
    plain(
        Group::Elasticsearch,
        "ELASTICSEARCH_VERIFY_CERTS",
        "true",
        "false believes any certificate: whoever sits between can read the key",
    ),
    plain(Group::Elasticsearch, "ELASTICSEARCH_INDEX", "text-search-v0", "the index, alias or data stream"),
    plain(
        Group::Elasticsearch,
        "ELASTICSEARCH_NAMESPACE_FIELD",
        "pinecone_namespace",
        "the field that names a document's namespace",
    ),
    plain(
        Group::Elasticsearch,
        "ELASTICSEARCH_ID_FIELD",
        "",
        "the field that holds the record's id; empty where it is the document's _id",
    ),
];

/// The variable of a key in `tain.toml`.
pub(super) fn by_toml_key(key: &str) -> Option<&'static Variable> {
    VARIABLES.iter().find(|variable| variable.toml_key() == key)
}

/// The known key that is most like an unknown one, if one is.
pub(super) fn closest_toml_key(key: &str) -> Option<String> {
    VARIABLES
        .iter()
        .map(Variable::toml_key)
        .map(|known| (strsim::jaro_winkler(key, &known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}
