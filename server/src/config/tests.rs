use std::{collections::HashMap, fs, path::PathBuf};

use secrecy::ExposeSecret;

use super::*;

struct Place {
    directory: tempfile::TempDir,
    sources: Sources,
}

fn place(environment: &[(&str, &str)]) -> Place {
    let directory = tempfile::tempdir().unwrap();
    let mut environment: HashMap<String, String> =
        environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    environment.entry("HOME".to_owned()).or_insert("/home/me".to_owned());
    let sources = Sources { environment, directory: directory.path().to_path_buf(), ..Sources::default() };
    Place { directory, sources }
}

impl Place {
    fn with(self, name: &str, text: &str) -> Self {
        fs::write(self.directory.path().join(name), text).unwrap();
        self
    }

    fn config(&self) -> Config {
        load(&self.sources).unwrap()
    }

    fn error(&self) -> String {
        load(&self.sources).unwrap_err().to_string()
    }

    fn entry(&self, name: &str) -> Entry {
        entries(&self.sources).unwrap().into_iter().find(|entry| entry.variable.name == name).unwrap()
    }
}

#[test]
fn nothing_set_is_a_configuration() {
    let config = place(&[]).config();
    assert_eq!(config.pinecone.source, "gflops-serverless");
    assert_eq!(config.pinecone.target, "askdona");
    assert_eq!(config.pinecone.controller.as_str(), "https://api.pinecone.io/");
    assert_eq!(config.gemini.model.id, "gemini-embedding-001");
    assert_eq!(config.gemini.model.dimensions, 3_072);
    assert_eq!(config.mirror.added_key, "clearance_level");
    assert_eq!(config.mirror.added_value, serde_json::json!(1));
    assert_eq!(config.listen.to_string(), "127.0.0.1:3000");
    assert_eq!(config.data_dir, PathBuf::from("/home/me/.local/share/tain"));
    assert_eq!(config.missing_keys().len(), 2);
    assert!(!config.is_sandbox());
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let name = "QUERY_BATCH_SIZE";
    let below = place(&[]);
    assert_eq!((below.entry(name).shown().as_str(), below.entry(name).origin), ("100", Origin::Default));
    let file = below.with("tain.toml", "query_batch_size = 10");
    assert_eq!((file.entry(name).shown().as_str(), file.entry(name).origin), ("10", Origin::ConfigFile));
    let dot_env = file.with(".env", "export QUERY_BATCH_SIZE=\"20\"");
    assert_eq!((dot_env.entry(name).shown().as_str(), dot_env.entry(name).origin), ("20", Origin::DotEnv));
    let mut place = dot_env;
    place.sources.environment.insert(name.to_owned(), "30".to_owned());
    assert_eq!((place.entry(name).shown().as_str(), place.entry(name).origin), ("30", Origin::Environment));
    place.sources.flags.push((name, "40".to_owned()));
    assert_eq!((place.entry(name).shown().as_str(), place.entry(name).origin), ("40", Origin::Flag));
    assert_eq!(place.config().mirror.fetch_batch, 40);
}

#[test]
fn an_empty_value_is_unset() {
    let place =
        place(&[("PINECONE_API_KEY", ""), ("QUERY_BATCH_SIZE", " ")]).with(".env", "PINECONE_API_KEY=abc");
    assert_eq!(place.entry("PINECONE_API_KEY").origin, Origin::DotEnv);
    assert_eq!(place.entry("QUERY_BATCH_SIZE").origin, Origin::Default);
}

#[test]
fn the_other_names_of_a_key_are_read() {
    let place = place(&[("GOOGLE_API_KEY", "second"), ("GEMINI_API_KEY", "first")]);
    assert_eq!(place.config().gemini.api_key.unwrap().expose_secret(), "first");
    assert_eq!(place.entry("GOOGLE_AI_API_KEY").name(), "GEMINI_API_KEY");
}

#[test]
fn a_secret_is_never_shown() {
    let long = place(&[("PINECONE_API_KEY", "pcsk_0123456789abcd")]);
    assert_eq!(long.entry("PINECONE_API_KEY").shown(), "set, ends in …abcd");
    assert!(!format!("{:?} {:?}", long.entry("PINECONE_API_KEY"), long.config()).contains("0123456789"));
    let short = place(&[("PINECONE_API_KEY", "elevenchars")]);
    assert_eq!(short.entry("PINECONE_API_KEY").shown(), "set");
    assert_eq!(place(&[]).entry("PINECONE_API_KEY").shown(), "not set");
}

#[test]
fn what_cannot_be_used_is_named_with_its_origin_and_a_remedy() {
    for (name, value, expected) in [
        ("QUERY_BATCH_SIZE", "0", "whole number from 1 to 1000"),
        ("EMBEDDING_BATCH_SIZE", "101", "whole number from 1 to 100"),
        ("UPSERT_BATCH_SIZE", "many", "whole number from 1 to 1000"),
        ("PINECONE_NEW_INDEX", "gflops-serverless", "name another index"),
        ("NEW_METADATA_VALUE", "public", "NEW_METADATA_VALUE='\"public\"'"),
        ("NEW_METADATA_VALUE", "{}", "list of strings"),
        ("NEW_METADATA_VALUE", "null", "list of strings"),
        ("NEW_METADATA_VALUE", "[1]", "list of strings"),
        ("NEW_METADATA_KEY", "$in", "does not begin with `$`"),
        ("NEW_METADATA_KEY", "text", "key of the text"),
        ("BATCH_DELAY", "-1", "seconds from 0"),
        ("BATCH_DELAY", "NaN", "seconds from 0"),
        ("GEMINI_TASK_TYPE", "SEARCH", "RETRIEVAL_DOCUMENT"),
        ("GEMINI_OUTPUT_DIMENSIONS", "4096", "1 to 3072"),
        ("PINECONE_CONTROLLER_HOST", "ftp://x", "https://host"),
        ("GOOGLE_GEMINI_BASE_URL", "http://example.org", "use https"),
        ("TAIN_LISTEN", "3000", "127.0.0.1:3000"),
        ("TAIN_LOG_FORMAT", "xml", "text or json"),
        ("ELASTICSEARCH_ENDPOINT", "es.example", "Cloud ID"),
        ("ELASTICSEARCH_INDEX", "text-*", "one index"),
        ("ELASTICSEARCH_NAMESPACE_FIELD", "meta.namespace", "at the top"),
        ("ELASTICSEARCH_ID_FIELD", "_source", "at the top"),
        ("ELASTICSEARCH_VERIFY_CERTS", "no", "true or false"),
    ] {
        let error = place(&[(name, value)]).error();
        assert!(error.contains(&format!("{name} from environment is {value:?}")), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn all_problems_are_told_at_once() {
    let error = place(&[("QUERY_BATCH_SIZE", "0"), ("BATCH_DELAY", "x")]).error();
    assert!(error.contains("QUERY_BATCH_SIZE") && error.contains("BATCH_DELAY"), "{error}");
}

#[test]
fn an_address_with_a_password_is_refused_without_showing_it() {
    let error = place(&[("GOOGLE_GEMINI_BASE_URL", "https://me:hunter2@host")]).error();
    assert!(error.contains("GOOGLE_GEMINI_BASE_URL") && !error.contains("hunter2"), "{error}");
    let place = place(&[("ELASTICSEARCH_URL", "https://me:hunter2@host/path")]);
    let error = place.error();
    assert!(error.contains("ELASTICSEARCH_USERNAME") && !error.contains("hunter2"), "{error}");
    assert_eq!(place.entry("ELASTICSEARCH_ENDPOINT").shown(), "https://…@host/path");
}

#[test]
fn a_password_is_not_shown_where_the_address_cannot_be_read_either() {
    for (address, shown) in [
        ("https://elastic:hun/ter2@es.example:9200", "https://…@es.example:9200"),
        ("https://elastic:hunter2@x@es.example", "https://…@es.example"),
        ("elastic:hunter2@es.example:9243", "…@es.example:9243"),
        ("elastic:hun/ter2@es.example", "…@es.example"),
    ] {
        let place = place(&[("ELASTICSEARCH_ENDPOINT", address)]);
        assert!(!place.error().contains("ter2"), "{}", place.error());
        assert_eq!(place.entry("ELASTICSEARCH_ENDPOINT").shown(), shown);
    }
    assert_eq!(place(&[("TAIN_DATA_DIR", "/srv/a@b")]).entry("TAIN_DATA_DIR").shown(), "/srv/a@b");
}

#[test]
fn a_bare_host_is_an_https_address() {
    let config = place(&[("PINECONE_CONTROLLER_HOST", "api.example.org")]).config();
    assert_eq!(config.pinecone.controller.as_str(), "https://api.example.org/");
}

#[test]
fn the_config_file_has_types_of_its_own() {
    let text = "new_metadata_value = \"1\"\nbatch_delay = 0.5\npinecone_old_index = 'old'";
    let config = place(&[]).with("tain.toml", text).config();
    assert_eq!(config.mirror.added_value, serde_json::json!("1"));
    assert_eq!(config.mirror.batch_delay.as_millis(), 500);
    assert_eq!(config.pinecone.source, "old");
    let list = place(&[]).with("tain.toml", "new_metadata_value = ['a', 'b']").config();
    assert_eq!(list.mirror.added_value, serde_json::json!(["a", "b"]));
}

#[test]
fn unknown_keys_of_the_config_file_are_refused() {
    let error = place(&[]).with("tain.toml", "qery_batch_size = 1").error();
    assert!(error.contains("qery_batch_size") && error.contains("did you mean query_batch_size?"), "{error}");
    let error = place(&[]).with("tain.toml", "[mirror]\na = 1").error();
    assert!(error.contains("unknown key \"mirror\""), "{error}");
    let error = place(&[]).with("tain.toml", "query_batch_size = [1]").error();
    assert!(error.contains("a list"), "{error}");
    let error = place(&[]).with("tain.toml", "a = 1\nb = \"secret").error();
    assert!(error.contains("line 2") && !error.contains("secret"), "{error}");
}

#[test]
fn a_named_file_must_be_there() {
    let mut place = place(&[]);
    place.sources.env_file = Some(place.directory.path().join("other.env"));
    assert!(place.error().contains("other.env"));
}

#[test]
fn the_services_of_this_machine_are_the_sandbox() {
    let place = place(&[
        ("PINECONE_CONTROLLER_HOST", "http://127.0.0.1:5080"),
        ("GOOGLE_GEMINI_BASE_URL", "http://localhost:5081"),
    ]);
    assert!(place.config().is_sandbox());
}

#[test]
fn the_demo_sees_no_setting_of_a_service() {
    let place =
        place(&[("PINECONE_API_KEY", "real"), ("GEMINI_API_KEY", "real"), ("TAIN_LISTEN", "127.0.0.1:1")])
            .with(".env", "PINECONE_API_KEY=real");
    let sources = place.sources.clone().without_services(place.directory.path().join("empty"));
    let config = load(&sources).unwrap();
    assert_eq!(config.missing_keys().len(), 2);
    assert_eq!(config.listen.port(), 1);
}

#[test]
fn the_table_names_each_variable_once() {
    let mut names: Vec<&str> = VARIABLES
        .iter()
        .flat_map(|variable| std::iter::once(variable.name).chain(variable.aliases.iter().copied()))
        .collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
}

#[test]
fn nothing_needs_a_search_index() {
    let search = place(&[]).config().elasticsearch;
    assert!(search.endpoint.is_none() && search.id_field.is_none() && search.verifies_certificates);
    assert!(matches!(search.credentials, elasticsearch::Credentials::Anonymous));
    assert_eq!(
        (search.index.as_str(), search.namespace_field.as_str()),
        ("text-search-v0", "pinecone_namespace")
    );
}

#[test]
fn a_search_index_is_named_by_an_address_or_a_cloud_id() {
    let endpoint = |name: &str, value: &str| {
        let endpoint = place(&[(name, value)]).config().elasticsearch.endpoint;
        endpoint.unwrap().as_str().to_owned()
    };
    assert_eq!(endpoint("ELASTICSEARCH_URL", "https://es.example:9243"), "https://es.example:9243/");
    // `eu.found.io$0ea1$f00d`
    assert_eq!(
        endpoint("ELASTICSEARCH_CLOUD_ID", "c:ZXUuZm91bmQuaW8kMGVhMSRmMDBk"),
        "https://0ea1.eu.found.io/"
    );
}

#[test]
fn a_key_wins_over_a_user_and_neither_travels_in_the_open() {
    let user = ("ELASTICSEARCH_USERNAME", "me");
    let password = ("ELASTICSEARCH_PASSWORD", "hunter2");
    let open = ("ELASTICSEARCH_ENDPOINT", "http://es.example:9200");
    let credentials = |set: &[(&str, &str)]| place(set).config().elasticsearch.credentials;
    let basic = credentials(&[user, password]);
    assert!(matches!(basic, elasticsearch::Credentials::Basic { ref username, .. } if username == "me"));
    let key = credentials(&[user, password, ("ELASTICSEARCH_API_KEY", "id:key")]);
    assert!(matches!(key, elasticsearch::Credentials::ApiKey(_)));
    assert!(place(&[user]).error().contains("without ELASTICSEARCH_PASSWORD"));
    assert!(place(&[password]).error().contains("without ELASTICSEARCH_USERNAME"));
    let error = place(&[open, user, password]).error();
    assert!(error.contains("use https") && !error.contains("hunter2"), "{error}");
    assert!(place(&[open]).config().elasticsearch.endpoint.is_some(), "nothing secret is sent");
}

#[test]
fn a_search_index_elsewhere_is_no_sandbox() {
    let services = [
        ("PINECONE_CONTROLLER_HOST", "http://127.0.0.1:5080"),
        ("GOOGLE_GEMINI_BASE_URL", "http://127.0.0.1:5080"),
    ];
    let with = |endpoint| place(&[services[0], services[1], ("ELASTICSEARCH_ENDPOINT", endpoint)]).config();
    assert!(with("http://127.0.0.1:9200").is_sandbox());
    assert!(!with("https://es.example").is_sandbox());
}
