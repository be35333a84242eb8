//! The allow-list: what may be sent at all.

use http::Method;

/// A line of an allow-list: a request is sent only if its method and path match one of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name under which requests are counted and spoken of: `list`, `fetch`, `upsert`, `embed`, ...
    pub label: &'static str,
    /// The method, exactly.
    pub method: Method,
    /// The path below the base URL, beginning with `/`. In each segment one `*` stands for one or more characters
    /// other than `/`: `/indexes/*`, `/v1beta/models/*:batchEmbedContents`.
    pub path: &'static str,
}

impl Endpoint {
    /// Whether a request with this method and (encoded) path is this endpoint.
    #[must_use]
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        self.method == *method && path_matches(self.path, path)
    }
}

fn path_matches(pattern: &str, path: &str) -> bool {
    let mut patterns = pattern.split('/');
    let mut segments = path.split('/');
    loop {
        match (patterns.next(), segments.next()) {
            (None, None) => return true,
            (Some(pattern), Some(segment)) if segment_matches(pattern, segment) => {}
            _ => return false,
        }
    }
}

fn segment_matches(pattern: &str, segment: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((before, after)) => {
            segment.len() > before.len() + after.len()
                && segment.starts_with(before)
                && segment.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_whole_segments_only() {
        assert!(path_matches("/vectors/list", "/vectors/list"));
        assert!(!path_matches("/vectors/list", "/vectors/list/"));
        assert!(!path_matches("/vectors/list", "/vectors"));
        assert!(!path_matches("/vectors/list", "/vectors/listing"));
        assert!(path_matches("/indexes/*", "/indexes/askdona"));
        assert!(!path_matches("/indexes/*", "/indexes/"));
        assert!(!path_matches("/indexes/*", "/indexes/a/b"));
        assert!(path_matches("/models/*:embed", "/models/x:embed"));
        assert!(!path_matches("/models/*:embed", "/models/:embed"));
        assert!(!path_matches("/models/*:embed", "/models/x:delete"));
    }

    #[test]
    fn the_method_is_part_of_it() {
        let endpoint = Endpoint { label: "list", method: Method::GET, path: "/vectors/list" };
        assert!(endpoint.matches(&Method::GET, "/vectors/list"));
        assert!(!endpoint.matches(&Method::DELETE, "/vectors/list"));
    }
}
